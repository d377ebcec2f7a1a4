// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/pod_status.h"

#include "base/timestamp.h"
#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using ballast::agent::tests::pod_of;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000, kNow = 1'700'000'000 * kSecond;

ObservedContainer container(const std::string &name, ContainerState state, int exit_code = 0, unsigned attempt = 0) {
    ObservedContainer made;
    made.id = name + std::to_string(attempt);
    made.name = name;
    made.attempt = attempt;
    made.state = state;
    made.exit_code = exit_code;
    made.started = kNow - 5 * kSecond;
    made.finished = state == ContainerState::kExited ? kNow - kSecond : 0;
    made.image_ref = "sha256:1";
    return made;
}

struct Case {
    Pod pod;
    ObservedPod observed = {};
    Judgement judgement = {};
    std::map<std::string, Waiting> waiting = {};
    PodState state = PodState::kRunning;
    std::optional<Waiting> failure = {};

    explicit Case(const std::string &spec) : pod(pod_of(spec)) {
        observed.sandboxes = {{.id = "s", .ready = true, .address = "10.1.0.7", .annotations = {}}};
    }
    Json status(const Json &before = {}, std::int64_t now = kNow) const {
        return pod_status({.pod = pod,
                           .observed = observed,
                           .judgement = judgement,
                           .waiting = waiting,
                           .state = state,
                           .failure = failure,
                           .node_address = "10.0.0.1",
                           .runtime = "rt",
                           .last_words = [](const ObservedContainer &) { return std::string("bye"); }},
                          before, now);
    }
    std::string phase() const { return json_text(status(), {"phase"}); }
};

const Json &condition(const Json &status, const std::string &type) {
    for (const Json &each : json_at(status, {"conditions"})) {
        if (json_text(each, {"type"}) == type) {
            return each;
        }
    }
    FAIL("no condition " << type);
    return status;
}

constexpr const char *kTwo = "  containers:\n  - {name: a, image: x}\n  - {name: b, image: y}\n";
constexpr const char *kOnce = "  restartPolicy: Never\n  containers:\n  - {name: a, image: x}\n";

} // namespace

TEST_CASE("a pod is pending until each of its containers was made, then it runs", "[agent]") {
    Case pod(kTwo);
    pod.state = PodState::kStarting;
    pod.observed.containers = {container("a", ContainerState::kRunning)};
    pod.waiting["b"] = {"ErrImagePull", "no such image"};
    const Json status = pod.status();
    REQUIRE(json_text(status, {"phase"}) == "Pending");
    REQUIRE(json_text(status, {"podIP"}) == "10.1.0.7");
    REQUIRE(json_text(status, {"hostIP"}) == "10.0.0.1");
    REQUIRE(status["hostIPs"] == Json::array({Json{{"ip", "10.0.0.1"}}}));
    REQUIRE(json_text(condition(status, "PodReadyToStartContainers"), {"status"}) == "True");
    REQUIRE(json_text(status, {"qosClass"}) == "BestEffort");
    const Json &b = status["containerStatuses"][1];
    REQUIRE(b["state"] == Json{{"waiting", {{"reason", "ErrImagePull"}, {"message", "no such image"}}}});
    REQUIRE(json_text(condition(status, "Ready"), {"message"}) == "containers with unready status: [b]");
    pod.waiting.clear();
    pod.observed.containers.push_back(container("b", ContainerState::kRunning));
    const Json running = pod.status(status, kNow + kSecond);
    REQUIRE(json_text(running, {"phase"}) == "Running");
    REQUIRE(json_text(condition(running, "Ready"), {"status"}) == "True");
    REQUIRE(json_text(condition(running, "Ready"), {"lastTransitionTime"}) ==
            timestamp(kNow + kSecond, Fraction::kNone));
    REQUIRE(json_text(condition(running, "Initialized"), {"lastTransitionTime"}) == timestamp(kNow, Fraction::kNone));
    REQUIRE(running["startTime"] == status["startTime"]);
    REQUIRE(running["containerStatuses"][0]["containerID"] == "rt://a0");
    REQUIRE(running["containerStatuses"][0]["state"]["running"]["startedAt"] ==
            timestamp(kNow - 5 * kSecond, Fraction::kNone));
    REQUIRE(pod.status(running, kNow + 9 * kSecond) == running); // nothing new, nothing to be told
}

TEST_CASE("a pod that has ended has succeeded or failed", "[agent]") {
    Case pod(kOnce);
    pod.observed.containers = {container("a", ContainerState::kExited, 0)};
    pod.state = PodState::kEnded;
    REQUIRE(pod.phase() == "Succeeded");
    REQUIRE(json_text(condition(pod.status(), "Ready"), {"reason"}) == "PodCompleted");
    pod.observed.containers.front().exit_code = 3;
    REQUIRE(pod.phase() == "Failed");
    const Json ended = pod.status()["containerStatuses"][0]["state"]["terminated"];
    REQUIRE(ended["exitCode"] == 3);
    REQUIRE(ended["reason"] == "Error");
    REQUIRE(ended["message"] == "bye");
    pod.waiting["a"] = {"ErrImagePull", "long ago"}; // nothing is waited for any more
    REQUIRE(pod.status()["containerStatuses"][0]["state"].contains("terminated"));
    pod.waiting.clear();
    REQUIRE(json_text(condition(pod.status(), "ContainersReady"), {"reason"}) == "PodFailed");
    pod.observed.containers = {container("a", ContainerState::kRunning)};
    pod.failure = {"DeadlineExceeded", "too long"};
    REQUIRE(pod.phase() == "Failed");
    REQUIRE(json_text(pod.status(), {"reason"}) == "DeadlineExceeded");
}

TEST_CASE("a container that failed and waits says both", "[agent]") {
    Case pod("  containers:\n  - {name: a, image: x}\n");
    pod.observed.containers = {container("a", ContainerState::kExited, 1, 2)};
    pod.waiting["a"] = {"CrashLoopBackOff", "back-off 20s"};
    const Json a = pod.status()["containerStatuses"][0];
    REQUIRE(pod.phase() == "Running");
    REQUIRE(a["state"]["waiting"]["reason"] == "CrashLoopBackOff");
    REQUIRE(a["lastState"]["terminated"]["exitCode"] == 1);
    REQUIRE(a["restartCount"] == 2);
    REQUIRE(a["ready"] == false);
    pod.waiting.clear();
    pod.observed.containers.insert(pod.observed.containers.begin(), container("a", ContainerState::kRunning, 0, 3));
    const Json again = pod.status()["containerStatuses"][0];
    REQUIRE(again["state"].contains("running"));
    REQUIRE(again["lastState"]["terminated"]["exitCode"] == 1);
}

TEST_CASE("init containers and sidecars come before a pod is initialized", "[agent]") {
    Case pod("  initContainers:\n  - {name: i, image: x}\n  - {name: s, image: x, restartPolicy: Always}\n"
             "  containers:\n  - {name: a, image: x}\n");
    pod.state = PodState::kStarting;
    pod.observed.containers = {container("i", ContainerState::kRunning)};
    Json status = pod.status();
    REQUIRE(json_text(status, {"phase"}) == "Pending");
    REQUIRE(json_text(condition(status, "Initialized"), {"message"}) == "containers with incomplete status: [i s]");
    REQUIRE(status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing");
    pod.observed.containers = {container("a", ContainerState::kRunning), container("s", ContainerState::kRunning),
                               container("i", ContainerState::kExited)};
    status = pod.status();
    REQUIRE(json_text(condition(status, "Initialized"), {"status"}) == "True");
    REQUIRE(json_text(status, {"phase"}) == "Running");
    REQUIRE(status["initContainerStatuses"][0]["ready"] == true);
    REQUIRE(status["initContainerStatuses"][1]["started"] == true);
}

TEST_CASE("an ephemeral container is told of and counts for nothing", "[agent]") {
    Case pod(std::string(kTwo) + "  ephemeralContainers: [{name: e, image: z}]\n");
    pod.observed.containers = {container("a", ContainerState::kRunning), container("b", ContainerState::kRunning)};
    const Json waits = pod.status();
    REQUIRE(json_text(waits, {"phase"}) == "Running");
    REQUIRE(json_text(condition(waits, "Ready"), {"status"}) == "True");
    REQUIRE(waits["ephemeralContainerStatuses"][0]["state"].contains("waiting"));
    pod.observed.containers.push_back(container("e", ContainerState::kRunning));
    const Json runs = pod.status()["ephemeralContainerStatuses"][0];
    REQUIRE(runs["state"].contains("running"));
    REQUIRE(runs["ready"] == false);
    REQUIRE_FALSE(runs.contains("started"));
    pod.observed.containers.back() = container("e", ContainerState::kExited, 3);
    const Json ended = pod.status();
    REQUIRE(ended["ephemeralContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 3);
    REQUIRE(json_text(ended, {"phase"}) == "Running");
}

TEST_CASE("a pod is ready when its probes and its gates say so", "[agent]") {
    Case pod("  readinessGates: [{conditionType: lb}]\n  containers:\n"
             "  - {name: a, image: x, readinessProbe: {tcpSocket: {port: 1}}}\n");
    pod.observed.containers = {container("a", ContainerState::kRunning)};
    REQUIRE(json_text(condition(pod.status(), "ContainersReady"), {"status"}) == "False");
    pod.judgement.ready = {"a0"};
    REQUIRE(json_text(condition(pod.status(), "ContainersReady"), {"status"}) == "True");
    REQUIRE(json_text(condition(pod.status(), "Ready"), {"reason"}) == "ReadinessGatesNotReady");
    const Json gate = {{"conditions", Json::array({Json{{"type", "lb"}, {"status", "True"}}})}};
    REQUIRE(json_text(condition(pod.status(gate), "Ready"), {"status"}) == "True");
}

TEST_CASE("a status is patched for the pod of that UID alone", "[agent]") {
    const Json addresses = Json::array({Json{{"ip", "1.2.3.4"}}});
    const Json patch = status_patch("u", {{"podIPs", addresses}, {"hostIPs", addresses}});
    REQUIRE(patch["status"]["hostIPs"][0] == Json{{"$patch", "replace"}});
    REQUIRE(json_text(patch, {"metadata", "uid"}) == "u");
    REQUIRE(patch["status"]["podIPs"][0] == Json{{"$patch", "replace"}});
    const Json rejected = rejected_status({"OutOfcpu", "too small"}, {}, kNow);
    REQUIRE(rejected["phase"] == "Failed");
    REQUIRE(rejected["message"] == "Pod was rejected: too small");
    REQUIRE(condition_differs(
        {}, pod_status({.pod = Pod(), .observed = ObservedPod(), .judgement = Judgement(), .waiting = {}}, {}, kNow),
        "Ready"));
}
