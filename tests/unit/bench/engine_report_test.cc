// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_report.h"

#include <algorithm>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::bench;

namespace {

EngineBenchResults results() {
    return {
        .client = {20},
        .engines = {{.name = "ballastd",
                     .times = {{"life", {10, 12, 11}}, {"pull", {700}}},
                     .memory = {{0, {12}}, {50, {40}}},
                     .idle_cpu = {3},
                     .largest_mib = {{"ballast-monitor", 0.5}}},
                    {.name = "dockerd",
                     .times = {{"life", {44, 40}}, {"pull", {1000}}},
                     .memory = {{0, {100}}, {50, {500}}},
                     .idle_cpu = {30},
                     .largest_mib = {}},
                    {.name = "podman", .times = {{"life", {100}}}, .memory = {}, .idle_cpu = {}, .largest_mib = {}}}};
}

Comparison found(const std::vector<Comparison> &all, const std::string &peer, const std::string &name) {
    const auto it = std::ranges::find_if(
        all, [&](const Comparison &each) { return each.peer == peer && each.name.starts_with(name); });
    REQUIRE(it != all.end());
    return *it;
}

} // namespace

TEST_CASE("what was measured of engines survives the way to the host", "[engine_measurement]") {
    const EngineBenchResults there = must(engine_results_from_json(to_json(results())));
    CHECK(to_json(there) == to_json(results()));
    CHECK(there.engines[0].memory.at(50) == std::vector<double>{40});
    CHECK(error_of(engine_results_from_json("{\"client\": []}")).code == EPROTO);
    CHECK(error_of(engine_results_from_json("killed")).code == EPROTO);
}

TEST_CASE("an engine is compared with each other one, and budgets are about dockerd", "[engine_report]") {
    const std::vector<Comparison> all = compare_engines(results());
    const Comparison life = found(all, "dockerd", "create + start + wait + remove, p50");
    CHECK(life.ours.median == 11);
    CHECK(life.theirs.median == 42);
    CHECK(life.budget == 0.4);
    CHECK(found(all, "dockerd", "pull").budget == 0.7);
    CHECK(found(all, "dockerd", "memory with 50").theirs.median == 500);
    CHECK(found(all, "dockerd", "processor time").budget == 0.25);
    CHECK_FALSE(found(all, "podman", "create + start + wait + remove, p50").budget.has_value());
    CHECK(found(all, "podman", "memory with 50").theirs.n == 0); // not measured is not zero
    CHECK(engine_remarks(results()).contains("ballast-monitor: 0.5 MiB"));
}
