// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/back_off.h"

#include "tests/unit/check.h"

using ballast::agent::BackOff;
using namespace std::chrono_literals;

TEST_CASE("what fails again and again is tried later and later", "[agent]") {
    BackOff back_off(5min);
    BackOff::Time failed = 1000s;
    REQUIRE(back_off.left("a", failed, failed) == 0s); // the first time at once
    for (const auto wait : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
        back_off.tried("a", failed, failed);
        failed += 1s;
        REQUIRE(back_off.left("a", failed, failed) == wait);
        REQUIRE(back_off.left("a", failed, failed + 3s) == wait - 3s);
        REQUIRE(back_off.left("a", failed, failed + wait) == 0s);
        REQUIRE(back_off.left("b", failed, failed) == 0s);
        failed += wait;
    }
}

TEST_CASE("what ran well for long enough is tried at once again", "[agent]") {
    BackOff back_off(5min);
    back_off.tried("a", 1000s, 1000s);
    back_off.tried("a", 1010s, 1010s);
    REQUIRE(back_off.left("a", 1010s + 10min, 1010s + 10min) == 20s);
    REQUIRE(back_off.left("a", 1011s + 10min, 1011s + 10min) == 0s);
    back_off.tried("a", 1011s + 10min, 1011s + 10min);
    REQUIRE(back_off.wait_of("a") == 10s);
}

TEST_CASE("a clock that is set back makes no wait longer", "[agent]") {
    BackOff back_off(5min);
    back_off.tried("a", 1000s, 1000s);
    REQUIRE(back_off.left("a", 1001s, 1s) == 10s);
}

TEST_CASE("a lower limit holds for the first wait as well", "[agent]") {
    BackOff back_off(2s);
    back_off.tried("a", 1000s, 1000s);
    REQUIRE(back_off.wait_of("a") == 2s);
}

TEST_CASE("a wait that somebody kept before goes on", "[agent]") {
    BackOff back_off(5min);
    back_off.recall("a", 40s, 1000s);
    REQUIRE(back_off.left("a", 1001s, 1011s) == 30s);
    back_off.tried("a", 1001s, 1041s);
    REQUIRE(back_off.wait_of("a") == 80s);
    back_off.recall("a", 10s, 1000s); // what is known better
    REQUIRE(back_off.wait_of("a") == 80s);
    back_off.recall("b", 0s, 1000s);
    REQUIRE(back_off.left("b", 1001s, 1001s) == 0s);
    back_off.recall("c", 1000h, 1000s); // no longer than waits are
    REQUIRE(back_off.wait_of("c") == 5min);
    REQUIRE(back_off.left("c", 1001s + 10min, 1001s + 10min) == 0s);
}
