// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/health.h"

namespace ballast::engine {
namespace {

using std::chrono::seconds;

Nanoseconds or_default(Nanoseconds given, Nanoseconds otherwise) { return given.count() == 0 ? otherwise : given; }

bool is_starting(const HealthPlan &plan, const Health &health, Time started, Time now) {
    return health.status == "starting" && now - started < plan.start_period;
}

} // namespace

std::optional<HealthPlan> plan_health(const Config &config) {
    if (!config.health_check || config.health_check->test.empty() || config.health_check->test.front() == "NONE") {
        return std::nullopt;
    }
    const HealthCheck &check = *config.health_check;
    HealthPlan plan{.command = {check.test.begin() + 1, check.test.end()},
                    .interval = or_default(check.interval, seconds(30)),
                    .timeout = or_default(check.timeout, seconds(30)),
                    .start_period = check.start_period,
                    .start_interval = or_default(check.start_interval, seconds(5)),
                    .retries = check.retries == 0 ? 3 : check.retries};
    if (check.test.front() == "CMD-SHELL") {
        Texts shell = config.shell.empty() ? Texts{"/bin/sh", "-c"} : config.shell;
        shell.insert(shell.end(), plan.command.begin(), plan.command.end());
        plan.command = std::move(shell);
    }
    return plan.command.empty() ? std::nullopt : std::optional(std::move(plan));
}

Nanoseconds next_check(const HealthPlan &plan, const Health &health, Time started, Time now) {
    return is_starting(plan, health, started, now) ? std::min(plan.start_interval, plan.interval) : plan.interval;
}

bool enter_result(const HealthPlan &plan, Health &health, Time started, HealthResult result) {
    const std::string before = health.status;
    if (result.exit_code == 0) {
        health.failing_streak = 0;
        health.status = "healthy";
    } else if (!is_starting(plan, health, started, result.start)) { // what fails while it starts is not counted
        health.failing_streak++;
        if (health.failing_streak >= plan.retries) {
            health.status = "unhealthy";
        }
    }
    if (result.output.size() > kHealthOutput) {
        result.output.resize(kHealthOutput);
    }
    health.log.push_back(std::move(result));
    if (health.log.size() > kHealthResults) {
        health.log.erase(health.log.begin());
    }
    return health.status != before;
}

} // namespace ballast::engine
