// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/node_report.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::bench;

TEST_CASE("nodes are compared by what was measured of ours", "[node_report]") {
    const std::vector<Comparison> all =
        compare_nodes({{.name = "ballast", .samples = {{"ready", {30, 10, 20}}, {"full", {500}}}},
                       {.name = "kubelet", .samples = {{"ready", {100}}}}},
                      30);
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == "a pod is ready");
    CHECK(all[0].ours.median == 20);
    CHECK(all[0].theirs.median == 100);
    CHECK(all[0].peer == "kubelet");
    CHECK(all[1].name == "30 pods at once are ready");
    CHECK(all[1].theirs.n == 0);
}

TEST_CASE("what a node holds stands beside what it may", "[node_report]") {
    const EngineSamples ours{.name = "ballast", .samples = {{"agent", {23.9}}, {"pods", {64.1}}, {"agent rest", {1}}}};
    CHECK(node_remarks(ours) == "  the agent with 10 pods: 23.90 MiB of at most 24: kept\n"
                                "  engine, agent and monitors of 10 pods: 64.10 MiB of at most 64: exceeded\n"
                                "  a processor for the agent beside 10 pods at rest: 1.00 % of at most 1: kept\n");
}
