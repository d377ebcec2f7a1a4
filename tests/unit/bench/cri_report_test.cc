// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cri_report.h"

#include <algorithm>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::bench;

namespace {

std::vector<EngineSamples> results() {
    return {{.name = "ballastd",
             .samples = {{"pod", {30, 10, 20}}, {"together", {500}}, {"memory_daemon", {15.5}}, {"memory_pod", {1}}}},
            {.name = "containerd",
             .samples = {{"pod", {100}}, {"together", {2000}}, {"memory_daemon", {40}}, {"memory_pod", {20}}}}};
}

} // namespace

TEST_CASE("runtimes are compared with budgets for a pod's time and memory", "[cri_report]") {
    const std::vector<Comparison> all = compare_runtimes(results(), 30);
    REQUIRE(all.size() == 4); // what was measured, and the slow pods
    CHECK(all[0].name == "a pod of one container, p50");
    CHECK(all[0].ours.median == 20);
    CHECK(all[0].theirs.median == 100);
    CHECK(all[0].budget == 0.4);
    CHECK(all[0].peer == "containerd");
    CHECK(all[1].name == "a pod of one container, p95");
    CHECK(all[1].ours.median == 30);
    CHECK(all[1].budget == std::nullopt);
    CHECK(all[2].name == "30 pods at once");
    CHECK(all[2].ours.median == 500);
    CHECK(all[3].name == "memory per pod");
    CHECK(all[3].budget == 0.15);
}

TEST_CASE("what an idle runtime holds stands beside what it may", "[cri_report]") {
    std::vector<EngineSamples> runtimes = results();
    CHECK(runtime_remarks(runtimes) == "  ballastd without pods, its socket open: 15.5 MiB of at most 16: kept\n");
    runtimes.front().samples["memory_daemon"] = {16.5};
    CHECK(runtime_remarks(runtimes).ends_with("exceeded\n"));
    runtimes.front().samples.erase("memory_daemon");
    CHECK(runtime_remarks(runtimes).empty());
}
