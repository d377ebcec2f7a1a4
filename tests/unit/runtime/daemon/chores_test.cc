// SPDX-License-Identifier: Apache-2.0
#include "runtime/daemon/chores.h"

#include <catch2/catch_test_macros.hpp>

namespace ballast::daemon {
namespace {

using namespace std::chrono_literals;

const Chores::Time kStart = Chores::Time() + 1h;

} // namespace

TEST_CASE("the watchdog is told when its time has come, however often there is something to look at", "[daemon]") {
    Chores chores(10s, 0, kStart);
    int told = 0;
    std::uint64_t requests = 0;
    for (Chores::Time now = kStart; now <= kStart + 60s; now += 100ms) { // busy all the time
        chores.asked(++requests, now);
        told += chores.watchdog_due(now) ? 1 : 0;
        CHECK(chores.wait(now) >= 0);
        CHECK(chores.wait(now) <= 1000);
    }
    CHECK(told == 6);
}

TEST_CASE("a watchdog that nobody set is never told, and nothing wakes a daemon that rests", "[daemon]") {
    Chores chores(std::nullopt, 7, kStart);
    CHECK(chores.wait(kStart) == 1000);
    CHECK_FALSE(chores.watchdog_due(kStart + 24h));
    REQUIRE(chores.quiet_due(7, kStart + 1s));
    CHECK(chores.resting());
    CHECK(chores.wait(kStart + 1s) == -1);
}

TEST_CASE("memory is given back once, a second after the last request", "[daemon]") {
    Chores chores(30s, 3, kStart);
    CHECK_FALSE(chores.quiet_due(3, kStart + 999ms));
    CHECK_FALSE(chores.quiet_due(4, kStart + 1s)); // one came meanwhile
    CHECK_FALSE(chores.resting());
    CHECK_FALSE(chores.quiet_due(4, kStart + 1900ms));
    CHECK(chores.quiet_due(4, kStart + 2s));
    CHECK(chores.resting());
    CHECK_FALSE(chores.quiet_due(4, kStart + 10s));
    CHECK(chores.wait(kStart + 10s) == 20'000); // for the watchdog alone
    chores.asked(5, kStart + 10s);
    CHECK_FALSE(chores.resting());
    CHECK(chores.quiet_due(5, kStart + 11s));
}

TEST_CASE("what is due is not waited for, and nothing wakes before its time", "[daemon]") {
    Chores chores(1500us, 0, kStart);
    CHECK(chores.wait(kStart) == 2);
    CHECK(chores.wait(kStart + 1h) == 0);
}

} // namespace ballast::daemon
