// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/update_report.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::bench;

TEST_CASE("an update is told by what was measured of it", "[update_report]") {
    const EngineSamples samples{
        .name = "ballast",
        .samples = {{"delta", {3, 1, 2}}, {"image", {100}}, {"staged", {31, 29, 30}}, {"back after panic", {90, 120}}}};
    const std::vector<Comparison> all = compare_updates(samples);
    REQUIRE(all.size() == 3);
    CHECK(all[0].ours.median == 2);
    CHECK(all[0].theirs.median == 100);
    CHECK(all[0].budget == 0.1);
    CHECK(all[1].name == "asked until staged, static delta");
    CHECK(all[1].ours.median == 30);
    CHECK(all[2].name == "away because of a panic in the initramfs");
    CHECK(all[2].ours.most == 120); // the worst
    CHECK(update_remarks(samples) == "  staging: 30.0 s of at most 30: kept\n");
}

TEST_CASE("of what was not measured nothing is said", "[update_report]") {
    CHECK(compare_updates({.name = "ballast"}).empty());
    CHECK(update_remarks({.name = "ballast"}).empty());
}
