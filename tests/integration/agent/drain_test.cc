// SPDX-License-Identifier: Apache-2.0
// A node that sends its pods away, in a real cluster that has nowhere else to put them.
#include "agent/cluster/drain.h"

#include <thread>

#include "base/lines.h"
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;
using namespace std::chrono_literals;

namespace {

// The budget follows, in whatever version of its API there is.
constexpr const char *kPods = R"yaml(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: inside, imagePullPolicy: Never, args: [wait]}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: every}
spec:
  selector: {matchLabels: {app: every}}
  template:
    metadata: {labels: {app: every}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: d, image: inside, imagePullPolicy: Never, args: [wait]}]
)yaml";

constexpr const char *kBudget = R"yaml(
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
)yaml";
constexpr int kBudgetsV1 = 21; // since Kubernetes 1.21

} // namespace

TEST_CASE_METHOD(ClusterFixture, "a node is drained as budgets let it, and opened again", "[agent][.long]") {
    plane.apply(kPods);
    plane.apply(std::string("apiVersion: policy/") + (plane.minor() < kBudgetsV1 ? "v1beta1" : "v1") + kBudget);
    until_cluster([&] { return get("deployment/web", "{.status.availableReplicas}") == "2"; }, "pods run");
    until_cluster([&] { return get("daemonset/every", "{.status.numberReady}") == "1"; }, "one on every node");
    until_cluster([&] { return get("pdb/web", "{.status.currentHealthy}") == "2"; }, "the budget knows of them");
    manifest("alone", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("a", "wait"));
    until_cluster([&] { return get("pod/alone-node", "{.status.phase}") == "Running"; }, "a pod of a manifest");

    // As the node itself, with what the node may do.
    agent::ApiServer api(must(agent::load_kubeconfig(plane.path("system-node-node.conf"))));
    const Status late = agent::drain_node(api, "node", 1ms, {}, {});
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ETIMEDOUT);
    CHECK(late.error().message.contains("disruption budget"));
    CHECK(get("node/node", "{.spec.unschedulable}") == "true");
    CHECK(get("deployment/web", "{.status.availableReplicas}") == "2");

    Status done = fail(EIO, "nothing");
    {
        std::jthread draining([&] { done = agent::drain_node(api, "node", 4min, {}, {}); });
        (void)plane.output_of({"delete", "pdb", "web"});
    }
    must(done);
    const auto on_node = lines_of(
        plane.output_of({"get", "pods", "-o", "name", "--field-selector", "spec.nodeName=node", "-l", "app=web"}));
    CHECK(on_node.empty());
    CHECK(get("daemonset/every", "{.status.numberReady}") == "1");
    CHECK(runs("a"));

    must(agent::uncordon_node(api, "node", {}));
    until_cluster([&] { return get("deployment/web", "{.status.availableReplicas}") == "2"; }, "pods come again");
}
