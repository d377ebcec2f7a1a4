// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/plan.h"

#include <algorithm>

#include "agent/cri_client/labels.h"
#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using namespace ballast::agent::tests;
using namespace std::chrono_literals;

namespace {

constexpr BackOff::Time kNow = 10000s;

// What the runtime says, put together step by step.
struct Runtime {
    ObservedPod pod;
    Judgement judgement;
    BackOff back_off{5min};

    Runtime &sandbox(const std::string &id, bool ready = true) {
        pod.sandboxes.insert(pod.sandboxes.begin(),
                             ObservedSandbox{.id = id,
                                             .attempt = static_cast<unsigned>(pod.sandboxes.size()),
                                             .ready = ready,
                                             .created = 0,
                                             .address = {},
                                             .annotations = {}});
        return *this;
    }
    ObservedContainer &add(const std::string &name, ContainerState state) {
        const ObservedContainer container{.id = name + std::to_string(pod.containers.size()),
                                          .name = name,
                                          .sandbox = pod.sandbox()->id,
                                          .attempt = 0,
                                          .state = state,
                                          .reason = {},
                                          .message = {},
                                          .image = {},
                                          .image_ref = {},
                                          .log_path = {},
                                          .annotations = {}};
        pod.containers.insert(pod.containers.begin(), container);
        return pod.containers.front();
    }
    Runtime &running(const std::string &name) {
        add(name, ContainerState::kRunning);
        return *this;
    }
    Runtime &ended(const std::string &name, int code) {
        ObservedContainer &container = add(name, ContainerState::kExited);
        container.exit_code = code;
        container.finished = std::chrono::nanoseconds(kNow - 1s).count();
        return *this;
    }
    Plan plan(const Pod &wanted) const { return plan_pod(wanted, pod, judgement, back_off, kNow); }
};

const std::string kTwo = "  containers: [{name: a, image: i}, {name: b, image: i}]\n";
const std::string kInit = "  initContainers: [{name: i, image: x}, {name: j, image: x}]\n";
const std::string kSidecar =
    "  initContainers: [{name: i, image: x}, {name: s, image: x, restartPolicy: Always}, {name: j, image: x}]\n";

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a new pod gets a sandbox and all its containers", "[agent]") {
    const Plan plan = Runtime().plan(pod_of(kTwo));
    REQUIRE(plan.new_sandbox);
    REQUIRE(plan.sandbox_attempt == 0);
    REQUIRE(plan.start == Names{"a", "b"});
    REQUIRE_FALSE(plan.all_started);
}

TEST_CASE("a pod that runs needs nothing", "[agent]") {
    const Plan plan = Runtime().sandbox("s").running("a").running("b").plan(pod_of(kTwo));
    REQUIRE(plan.nothing_to_do());
    REQUIRE(plan.all_started);
    REQUIRE(plan.waiting.empty());
}

TEST_CASE("init containers run one after the other, and then the others start", "[agent]") {
    const Pod pod = pod_of(kInit + kTwo);
    REQUIRE(Runtime().plan(pod).start == Names{"i"});
    REQUIRE(Runtime().sandbox("s").plan(pod).start == Names{"i"});
    REQUIRE(Runtime().sandbox("s").running("i").plan(pod).nothing_to_do());
    REQUIRE(Runtime().sandbox("s").ended("i", 0).plan(pod).start == Names{"j"});
    const Plan last = Runtime().sandbox("s").ended("i", 0).ended("j", 0).plan(pod);
    REQUIRE(last.start == Names{"a", "b"});
    REQUIRE(Runtime().sandbox("s").ended("i", 0).plan(pod).waiting.at("a").reason == "PodInitializing");
    REQUIRE(Runtime().plan(pod).waiting.at("a").reason == "PodInitializing");
    REQUIRE(Runtime().plan(pod_of(kTwo)).waiting.at("a").reason == "ContainerCreating");
    REQUIRE(Runtime().sandbox("s").plan(pod_of(kTwo)).waiting.at("a").reason == "ContainerCreating");
}

TEST_CASE("an init container that failed runs again, unless the pod is never restarted", "[agent]") {
    REQUIRE(Runtime().sandbox("s").ended("i", 1).plan(pod_of(kInit + kTwo)).start == Names{"i"});
    REQUIRE(Runtime().sandbox("s").ended("i", 1).plan(pod_of(kInit + kTwo + "  restartPolicy: OnFailure\n")).start ==
            Names{"i"});
    REQUIRE(Runtime().sandbox("s").ended("i", 1).plan(pod_of(kInit + kTwo + "  restartPolicy: Never\n")).finished);
}

TEST_CASE("a sidecar starts in its place and goes on running", "[agent]") {
    const Pod pod = pod_of(kSidecar + kTwo);
    REQUIRE(Runtime().sandbox("s").ended("i", 0).plan(pod).start == Names{"s"});
    REQUIRE(Runtime().sandbox("s").ended("i", 0).running("s").plan(pod).start == Names{"j"});
    REQUIRE(Runtime().sandbox("s").ended("i", 0).running("s").ended("j", 0).plan(pod).start == Names{"a", "b"});
    // It is started again whatever it ended with, while the others run.
    const Plan again =
        Runtime().sandbox("s").ended("i", 0).ended("s", 0).ended("j", 0).running("a").running("b").plan(pod);
    REQUIRE(again.start == Names{"s"});
    REQUIRE(again.all_started);
}

TEST_CASE("what follows a sidecar waits for its startup probe", "[agent]") {
    const Pod pod = pod_of(
        "  initContainers: [{name: s, image: x, restartPolicy: Always, startupProbe: {tcpSocket: {port: 1}}}]\n" +
        kTwo);
    Runtime runtime = Runtime().sandbox("x").running("s");
    REQUIRE(runtime.plan(pod).nothing_to_do());
    runtime.judgement.started.insert("s0");
    REQUIRE(runtime.plan(pod).start == Names{"a", "b"});
}

TEST_CASE("an ephemeral container starts once, whatever the others wait for", "[agent]") {
    const std::string debugger = "  ephemeralContainers: [{name: e, image: x}]\n";
    REQUIRE(Runtime().plan(pod_of(kTwo + debugger)).start == Names{"a", "b"}); // there is no sandbox yet
    REQUIRE(Runtime().sandbox("s").running("a").running("b").plan(pod_of(kTwo + debugger)).start == Names{"e"});
    REQUIRE(Runtime().sandbox("s").running("i").plan(pod_of(kInit + kTwo + debugger)).start == Names{"e"});
    Runtime ended = Runtime().sandbox("s").running("a").running("b").ended("e", 1);
    REQUIRE(ended.plan(pod_of(kTwo + debugger)).nothing_to_do());
    REQUIRE(Runtime()
                .sandbox("s")
                .ended("a", 0)
                .ended("b", 0)
                .running("e")
                .plan(pod_of(kTwo + debugger + "  restartPolicy: Never\n"))
                .finished);
}

TEST_CASE("a container that ended is started again as the pod's policy says", "[agent]") {
    for (const auto &[policy, code, again] : {std::tuple("Always", 0, true),
                                              {"Always", 1, true},
                                              {"OnFailure", 0, false},
                                              {"OnFailure", 1, true},
                                              {"Never", 0, false},
                                              {"Never", 1, false}}) {
        CAPTURE(policy, code);
        const Plan plan = Runtime().sandbox("s").running("a").ended("b", code).plan(
            pod_of(kTwo + "  restartPolicy: " + policy + "\n"));
        REQUIRE(plan.start == (again ? Names{"b"} : Names{}));
        REQUIRE_FALSE(plan.finished);
    }
}

TEST_CASE("a pod has finished when nothing of it runs again", "[agent]") {
    REQUIRE(Runtime()
                .sandbox("s")
                .ended("a", 0)
                .ended("b", 0)
                .plan(pod_of(kTwo + "  restartPolicy: OnFailure\n"))
                .finished);
    REQUIRE(
        Runtime().sandbox("s").ended("a", 0).ended("b", 3).plan(pod_of(kTwo + "  restartPolicy: Never\n")).finished);
    REQUIRE_FALSE(Runtime()
                      .sandbox("s")
                      .ended("a", 0)
                      .ended("b", 3)
                      .plan(pod_of(kTwo + "  restartPolicy: OnFailure\n"))
                      .finished);
    REQUIRE_FALSE(Runtime().sandbox("s").ended("a", 0).ended("b", 0).plan(pod_of(kTwo)).finished);
    // Nor does it get another sandbox when that is gone.
    REQUIRE(Runtime()
                .sandbox("s", false)
                .ended("a", 0)
                .ended("b", 0)
                .plan(pod_of(kTwo + "  restartPolicy: Never\n"))
                .finished);
}

TEST_CASE("a container that fails again waits", "[agent]") {
    Runtime runtime = Runtime().sandbox("s").running("a").ended("b", 1);
    const Pod pod = pod_of(kTwo);
    runtime.back_off.tried(back_off_key(pod, "b"), kNow - 5s, kNow - 5s);
    const Plan plan = runtime.plan(pod);
    REQUIRE(plan.nothing_to_do());
    REQUIRE(plan.again == kNow + 9s);
    REQUIRE(plan.waiting.at("b").reason == "CrashLoopBackOff");
    REQUIRE(plan.waiting.at("b").message == "back-off 10s restarting failed container=b pod=web_default(u-1)");
    // What is to be run now has not failed yet.
    Pod changed = pod;
    changed.containers[1].hash = "another";
    REQUIRE(runtime.plan(changed).start == Names{"b"});
}

TEST_CASE("a sandbox that is gone is made anew, and all that should run in it", "[agent]") {
    const Plan plan = Runtime().sandbox("s", false).running("a").ended("b", 0).plan(pod_of(kTwo));
    REQUIRE(plan.new_sandbox);
    REQUIRE(plan.sandbox_attempt == 1);
    REQUIRE(plan.stop.size() == 1);
    REQUIRE(plan.stop.front().name == "a");
    REQUIRE(plan.start == Names{"a", "b"});
    // Init containers run again, in the new one.
    REQUIRE(Runtime().sandbox("s", false).ended("i", 0).ended("j", 0).ended("a", 1).plan(pod_of(kInit + kTwo)).start ==
            Names{"i"});
    REQUIRE(Runtime().sandbox("s", false).ended("i", 0).ended("a", 1).sandbox("t").plan(pod_of(kInit + kTwo)).start ==
            Names{"i"});
    // What has succeeded does not.
    REQUIRE(Runtime()
                .sandbox("s", false)
                .ended("a", 0)
                .ended("b", 1)
                .plan(pod_of(kTwo + "  restartPolicy: OnFailure\n"))
                .start == Names{"b"});
}

TEST_CASE("a container whose definition has changed is replaced", "[agent]") {
    Pod pod = pod_of(kTwo);
    pod.containers[0].hash = "new";
    Runtime runtime = Runtime().sandbox("s").running("a").running("b");
    runtime.pod.containers.back().annotations[labels::kHash] = "old";
    const Plan plan = runtime.plan(pod);
    REQUIRE(plan.stop.size() == 1);
    REQUIRE(plan.stop.front().name == "a");
    REQUIRE(plan.start == Names{"a"});
}

TEST_CASE("a container that is not well is stopped, with the probe's own grace", "[agent]") {
    const Pod pod = pod_of("  containers: [{name: a, image: i, livenessProbe: {tcpSocket: {port: 1}, "
                           "terminationGracePeriodSeconds: 3}}]\n");
    Runtime runtime = Runtime().sandbox("s").running("a");
    runtime.judgement.unwell.insert("a0");
    const Plan plan = runtime.plan(pod);
    REQUIRE(plan.stop == std::vector<Stop>{{"a0", "a", "its probe has failed", 3}});
    REQUIRE(plan.start.empty());
}

TEST_CASE("the grace is that of the startup probe until it has succeeded", "[agent]") {
    const Pod pod = pod_of("  containers: [{name: a, image: i, livenessProbe: {tcpSocket: {port: 1}}, startupProbe: "
                           "{tcpSocket: {port: 1}, terminationGracePeriodSeconds: 5}}]\n");
    Runtime runtime = Runtime().sandbox("s").running("a");
    runtime.judgement.unwell.insert("a0");
    REQUIRE(runtime.plan(pod).stop.front().grace == 5);
    runtime.judgement.started.insert("a0");
    REQUIRE_FALSE(runtime.plan(pod).stop.front().grace);
}
