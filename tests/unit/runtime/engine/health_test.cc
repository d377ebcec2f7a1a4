// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/health.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

Time at(Nanoseconds since) { return Time(1000s + since); }

HealthResult result(int code, Nanoseconds start) {
    return {.start = at(start), .end = at(start + 1ms), .exit_code = code, .output = "said"};
}

Config config_with(Texts test) {
    Config config;
    config.health_check = HealthCheck{.test = std::move(test)};
    return config;
}

} // namespace

TEST_CASE("a check has Docker's defaults, and none is none", "[engine]") {
    CHECK_FALSE(plan_health(Config{}));
    CHECK_FALSE(plan_health(config_with({"NONE"})));
    CHECK_FALSE(plan_health(config_with({"CMD"})));
    const auto plan = plan_health(config_with({"CMD", "true", "-x"}));
    REQUIRE(plan);
    CHECK(plan->command == Texts{"true", "-x"});
    CHECK(plan->interval == 30s);
    CHECK(plan->timeout == 30s);
    CHECK(plan->retries == 3);
    CHECK(plan_health(config_with({"CMD-SHELL", "exit 1"}))->command == Texts{"/bin/sh", "-c", "exit 1"});
}

TEST_CASE("three failures in a row make a container unhealthy, one success healthy again", "[engine]") {
    const HealthPlan plan = *plan_health(config_with({"CMD", "true"}));
    Health health{.status = "starting", .failing_streak = 0, .log = {}};
    CHECK_FALSE(enter_result(plan, health, at(0s), result(1, 1s)));
    CHECK_FALSE(enter_result(plan, health, at(0s), result(1, 2s)));
    CHECK(enter_result(plan, health, at(0s), result(1, 3s)));
    CHECK(health.status == "unhealthy");
    CHECK_FALSE(enter_result(plan, health, at(0s), result(1, 4s)));
    CHECK(enter_result(plan, health, at(0s), result(0, 5s)));
    CHECK(health.status == "healthy");
    CHECK(health.failing_streak == 0);
    CHECK(health.log.size() == 5);
    CHECK_FALSE(enter_result(plan, health, at(0s), result(0, 6s)));
    CHECK(health.log.size() == 5);
    CHECK(health.log.back().start == at(6s));
}

TEST_CASE("failures while it starts are not counted, and checks come more often then", "[engine]") {
    Config config = config_with({"CMD", "true"});
    config.health_check->start_period = 60s;
    const HealthPlan plan = *plan_health(config);
    Health health{.status = "starting", .failing_streak = 0, .log = {}};
    for (int count = 0; count < 5; count++) {
        CHECK_FALSE(enter_result(plan, health, at(0s), result(1, 10s)));
    }
    CHECK(health.failing_streak == 0);
    CHECK(next_check(plan, health, at(0s), at(10s)) == 5s);
    CHECK(next_check(plan, health, at(0s), at(61s)) == 30s);
    (void)enter_result(plan, health, at(0s), result(1, 61s));
    CHECK(health.failing_streak == 1);
}

TEST_CASE("what a check says is kept up to 4096 bytes", "[engine]") {
    const HealthPlan plan = *plan_health(config_with({"CMD", "true"}));
    Health health;
    HealthResult long_one = result(0, 1s);
    long_one.output.assign(10000, 'x');
    (void)enter_result(plan, health, at(0s), std::move(long_one));
    CHECK(health.log.front().output.size() == 4096);
}

} // namespace ballast::engine
