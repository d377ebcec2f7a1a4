// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/admission.h"

#include "agent/cluster/api_pod.h"
#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using ballast::agent::tests::pod_of;

namespace {

const Json kNode = Json::parse(
    R"({"metadata":{"labels":{"zone":"a"}},"status":{"allocatable":{"cpu":"2","memory":"1Gi","pods":"3"}}})");

Pod pod_with(const std::string &resources, const std::string &more = "") {
    return pod_of("  containers:\n  - {name: a, image: x, resources: {requests: {" + resources + "}}}\n" + more);
}

std::string reason(const Pod &pod, const std::vector<const Pod *> &others = {}) {
    const auto refusal = refusal_of(pod, others, kNode);
    return refusal ? refusal->reason : "";
}

} // namespace

TEST_CASE("a pod is taken when what it asks for is there", "[agent]") {
    const Pod half = pod_with("cpu: 1500m, memory: 600Mi"), small = pod_with("cpu: 500m");
    REQUIRE(reason(half).empty());
    REQUIRE(reason(small, {&half}).empty());
    REQUIRE(reason(half, {&small, &small}) == "OutOfcpu");
    REQUIRE(reason(pod_with("memory: 500Mi"), {&half}) == "OutOfmemory");
    REQUIRE(reason(small, {&small, &small, &small}) == "OutOfpods");
    REQUIRE(refusal_of(half, {&small, &small}, kNode)->message ==
            "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000");
    REQUIRE_FALSE(refusal_of(half, {&half, &half, &half, &half}, Json()));
}

TEST_CASE("a pod of another system, or with settings of the kernel that are not safe, is not for this node",
          "[agent]") {
    CHECK_FALSE(unfit(pod_with("cpu: 1m", "  os: {name: linux}\n"), {}));
    CHECK(unfit(pod_with("cpu: 1m", "  os: {name: windows}\n"), {})->reason == "PodOSNotSupported");
    const Pod sets = pod_with("cpu: 1m", "  securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}\n");
    CHECK(unfit(sets, {})->reason == "SysctlForbidden");
    CHECK(unfit(sets, {})->message == "forbidden sysctl: \"kernel.msgmax\" not allowlisted");
    CHECK_FALSE(unfit(sets, {"kernel.msg*"}));
}

TEST_CASE("init containers ask one after the other, sidecars beside all", "[agent]") {
    const std::string init = "  initContainers:\n"
                             "  - {name: s, image: x, restartPolicy: Always, resources: {requests: {cpu: 500m}}}\n"
                             "  - {name: i, image: x, resources: {requests: {cpu: 1600m}}}\n";
    REQUIRE(reason(pod_with("cpu: 100m", init)) == "OutOfcpu");
    REQUIRE(reason(pod_with("cpu: 1500m", "  initContainers:\n  - {name: i, image: x, resources: {requests: {cpu: "
                                          "1900m}}}\n"))
                .empty());
}

TEST_CASE("a pod for other nodes, or with a port that is taken, is not taken", "[agent]") {
    REQUIRE(reason(pod_with("cpu: 1m", "  nodeSelector: {zone: a}\n")).empty());
    REQUIRE(reason(pod_with("cpu: 1m", "  nodeSelector: {zone: b}\n")) == "NodeAffinity");
    const Pod port = pod_of("  containers:\n  - {name: a, image: x, ports: [{containerPort: 80, hostPort: 8080}]}\n");
    REQUIRE(reason(port).empty());
    REQUIRE(reason(port, {&port}) == "NodePorts");
}

TEST_CASE("a pod must want a node like this, and bear what it is marked with", "[agent]") {
    const auto affinity = [](const std::string &zone) {
        return pod_with("cpu: 1m", "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
                                   "{nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [" +
                                       zone + "]}]}]}}}\n");
    };
    CHECK(reason(affinity("a")).empty());
    CHECK(reason(affinity("b")) == "NodeAffinity");
    CHECK_FALSE(refusal_of(affinity("b"), {}, Json())); // nothing is known of the node

    Json marked = kNode;
    marked["spec"]["taints"] =
        Json::parse(R"([{"key":"soft","effect":"NoSchedule"},{"key":"out","effect":"NoExecute"}])");
    CHECK(refusal_of(pod_with("cpu: 1m"), {}, marked)->reason == "TaintToleration");
    CHECK_FALSE(refusal_of(pod_with("cpu: 1m", "  tolerations: [{key: out, operator: Exists}]\n"), {}, marked));
    marked["spec"]["taints"].erase(1);
    CHECK_FALSE(refusal_of(pod_with("cpu: 1m"), {}, marked)); // which the scheduler alone heeds
}

TEST_CASE("a pod of the API server says how it stands", "[agent]") {
    const auto object = [](const std::string &metadata, const std::string &status, const std::string &spec) {
        return Json::parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n","uid":"u")" +
                           metadata + R"(},"spec":)" + spec + R"(,"status":)" + status + "}");
    };
    const std::string spec = R"({"containers":[{"name":"a","image":"x"}]})";
    const ApiPod fresh = must(read_api_pod(object("", "{}", spec)));
    REQUIRE_FALSE(fresh.deleted);
    REQUIRE_FALSE(fresh.ended);
    REQUIRE_FALSE(fresh.refusal);
    REQUIRE(fresh.pod.annotations.at("kubernetes.io/config.source") == "api");
    REQUIRE_FALSE(fresh.pod.containers.front().hash.empty());
    const ApiPod gone =
        must(read_api_pod(object(R"(,"deletionTimestamp":"2024-01-01T00:00:00Z","deletionGracePeriodSeconds":7)",
                                 R"({"phase":"Failed"})", spec)));
    REQUIRE(gone.deleted);
    REQUIRE(gone.grace == 7);
    REQUIRE(gone.ended);
    REQUIRE(must(read_api_pod(object(R"(,"annotations":{"kubernetes.io/config.mirror":"x"})", "{}", spec))).mirror);
    const ApiPod odd = must(read_api_pod(object("", "{}", R"({"containers":[{"name":"a","image":5}]})")));
    REQUIRE(odd.refusal->reason == "UnsupportedPod");
    REQUIRE(must(read_api_pod(object("", "{}", R"({"containers":[]})"))).refusal->message ==
            "spec.containers: Required value");
    REQUIRE(error_of(read_api_pod(Json::parse(R"({"metadata":{}})"))).code == EINVAL);
}
