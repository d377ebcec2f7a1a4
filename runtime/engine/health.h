// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "runtime/engine/model.h"

// Health checks: what is run, when, and what follows from how it ended. Pure; the engine's health thread does it.
namespace ballast::engine {

inline constexpr std::size_t kHealthResults = 5;
inline constexpr std::size_t kHealthOutput = 4096; // bytes

// What a container's check is once all defaults are filled in; nullopt: none.
struct HealthPlan {
    Texts command;
    Nanoseconds interval, timeout, start_period, start_interval;
    int retries;
};
std::optional<HealthPlan> plan_health(const Config &config);

// When the next check begins, after one that ended at `now`.
Nanoseconds next_check(const HealthPlan &plan, const Health &health, Time started, Time now);

// Enters a result. True when the status changed: an event is due.
bool enter_result(const HealthPlan &plan, Health &health, Time started, HealthResult result);

} // namespace ballast::engine
