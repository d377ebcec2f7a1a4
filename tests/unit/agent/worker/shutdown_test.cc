// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/shutdown.h"

#include "tests/unit/check.h"

using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

using Ends = std::vector<Shutdown::End>;

const std::vector<ShutdownPeriod> kPeriods = {{0, 20s}, {1000, 5s}, {2'000'000'000, 10s}};

} // namespace

TEST_CASE("pods end by their priorities, each group when the one before has ended", "[agent]") {
    std::vector<Shutdown::One> pods = {{.uid = "web", .priority = 0, .grace = 30},
                                       {.uid = "odd", .priority = -5, .grace = 1},
                                       {.uid = "data", .priority = 1500, .grace = 30},
                                       {.uid = "dns", .priority = 2'000'001'000, .grace = 30},
                                       {.uid = "done", .priority = 0, .grace = 30, .over = true}};
    Shutdown shutdown(kPeriods);
    REQUIRE(shutdown.step(pods, 100s).empty()); // nobody shuts anything down
    REQUIRE_FALSE(shutdown.due());
    shutdown.begin(100s);
    REQUIRE(shutdown.step(pods, 100s) == Ends{{"web", 20}, {"odd", 1}});
    REQUIRE(shutdown.due() == 120s);
    pods[1].over = true;
    REQUIRE(shutdown.step(pods, 101s) == Ends{{"web", 20}});
    pods[0].over = true; // before its time is over
    REQUIRE(shutdown.step(pods, 102s) == Ends{{"data", 5}});
    REQUIRE(shutdown.due() == 107s);
    REQUIRE_FALSE(shutdown.done());
    // Who does not end in time is waited for no longer than those of the next group.
    REQUIRE(shutdown.step(pods, 107s) == Ends{{"data", 10}, {"dns", 10}});
    pods[3].over = true;
    REQUIRE(shutdown.step(pods, 108s).size() == 1);
    REQUIRE(shutdown.step(pods, 117s).size() == 1);
    REQUIRE(shutdown.done());
    REQUIRE_FALSE(shutdown.due());
    REQUIRE(shutdown.step(pods, 118s).empty());
}

TEST_CASE("a shutdown that is called off ends nobody else, and begins from anew", "[agent]") {
    const std::vector<Shutdown::One> pods = {{.uid = "web", .grace = 3}, {.uid = "data", .priority = 1500, .grace = 3}};
    Shutdown shutdown(kPeriods);
    shutdown.begin(0s);
    REQUIRE(shutdown.step(pods, 20s) == Ends{{"web", 3}, {"data", 3}});
    shutdown.cancel();
    REQUIRE(shutdown.step(pods, 21s).empty());
    shutdown.begin(50s);
    REQUIRE(shutdown.step(pods, 50s) == Ends{{"web", 3}});
    REQUIRE(shutdown.due() == 70s);
}

TEST_CASE("without pods or without periods a shutdown waits for nothing", "[agent]") {
    Shutdown shutdown(kPeriods);
    shutdown.begin(0s);
    REQUIRE(shutdown.step({}, 0s).empty());
    REQUIRE(shutdown.done());
    Shutdown never({});
    never.begin(0s);
    REQUIRE_FALSE(never.active());
    REQUIRE_FALSE(never.done());
}
