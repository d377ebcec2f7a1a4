// SPDX-License-Identifier: Apache-2.0
// A node in a real cluster. A control plane takes its time to come up: what can be seen in one cluster is one test.
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;

TEST_CASE_METHOD(ClusterFixture, "a node joins a cluster and says how it is", "[agent]") {
    const auto ready = [&] { return get("node/node", "{.status.conditions[?(@.type=='Ready')].status}"); };
    until_cluster([&] { return ready() == "True"; }, "the node is ready");
    REQUIRE(get("node/node", "{.metadata.labels.zone}") == "here");
    REQUIRE(get("node/node", "{.status.addresses[?(@.type=='InternalIP')].address}") == kNodeAddress);
    REQUIRE(get("node/node", "{.status.nodeInfo.containerRuntimeVersion}").starts_with("ballast://"));
    REQUIRE(get("node/node", "{.status.images[*].names}").contains("inside"));
    REQUIRE(plane.output_of({"get", "nodes"}).contains(" Ready "));
    // The scheduler may place pods here: the node's life is watched over, and its lease kept.
    until_cluster([&] { return get("node/node", "{.spec.taints}").empty(); }, "no taint is left");
    REQUIRE(plane.output_of(
                {"get", "lease", "-n", "kube-node-lease", "node", "-o", "jsonpath={.spec.holderIdentity}"}) == "node");

    kill(); // the engine
    until_cluster([&] { return ready() == "False"; }, "without an engine it is not ready");
    REQUIRE(get("node/node", "{.status.conditions[?(@.type=='Ready')].message}").contains("container runtime is down"));
    start();
    until_cluster([&] { return ready() == "True"; }, "it is ready again");

    plane.kill_api_server();
    plane.start_api_server();
    (void)plane.output_of({"delete", "node", "node"});
    until_cluster([&] { return ready() == "True"; }, "a node that was deleted registers again");
}
