// SPDX-License-Identifier: Apache-2.0
#include "agent/config/shutdown.h"

#include <algorithm>
#include <array>
#include <limits>

#include "agent/pods/spec.h"

namespace ballast::agent {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

Status read_period(const YamlNode &item, ShutdownPeriod &to) {
    constexpr long long kMost = std::numeric_limits<int>::max();
    long long priority = 0, time = 0;
    const std::array fields = {number_field("priority", priority, -kMost - 1, kMost),
                               number_field("shutdownGracePeriodSeconds", time, 0, kMost)};
    TRY(object_field("shutdownGracePeriodByPodPriority", {fields.begin(), fields.end()}).read(item));
    to = {.priority = priority, .time = seconds(time)};
    return {};
}

} // namespace

std::vector<ShutdownPeriod> ShutdownConfig::periods() const {
    std::vector<ShutdownPeriod> periods = by_priority;
    if (all > std::chrono::nanoseconds(0)) {
        periods = {{.priority = 0, .time = duration_cast<seconds>(all - critical)},
                   {.priority = kSystemCritical, .time = duration_cast<seconds>(critical)}};
    }
    std::ranges::sort(periods, {}, &ShutdownPeriod::priority);
    return periods;
}

std::vector<Field> shutdown_fields(ShutdownConfig &config) {
    return {duration_field("shutdownGracePeriod", config.all),
            duration_field("shutdownGracePeriodCriticalPods", config.critical),
            {"shutdownGracePeriodByPodPriority", [&config](const YamlNode &value) -> Status {
                 for (const YamlNode &item : TRY(value.items())) {
                     TRY(read_period(item, config.by_priority.emplace_back()));
                 }
                 return {};
             }}};
}

Status check(const ShutdownConfig &config) {
    const auto is_odd = [](std::chrono::nanoseconds time) {
        return time != std::chrono::nanoseconds(0) && time < seconds(1);
    };
    if (is_odd(config.all) || is_odd(config.critical)) {
        return fail(EINVAL, R"("shutdownGracePeriod" and "shutdownGracePeriodCriticalPods" must be 0, or 1s at least)");
    }
    if (config.critical > config.all) {
        return fail(EINVAL, R"("shutdownGracePeriodCriticalPods" must not be longer than "shutdownGracePeriod", whose )"
                            "end it is");
    }
    if (!config.by_priority.empty() && config.all > std::chrono::nanoseconds(0)) {
        return fail(EINVAL, R"("shutdownGracePeriodByPodPriority" and "shutdownGracePeriod" exclude each other)");
    }
    return {};
}

std::size_t period_of(const std::vector<ShutdownPeriod> &periods, std::int64_t priority) {
    const auto above = std::ranges::upper_bound(periods, priority, {}, &ShutdownPeriod::priority);
    return above == periods.begin() ? 0 : static_cast<std::size_t>(above - periods.begin()) - 1;
}

seconds whole_time(const std::vector<ShutdownPeriod> &periods) {
    seconds sum{0};
    for (const ShutdownPeriod &period : periods) {
        sum += period.time;
    }
    return sum;
}

} // namespace ballast::agent
