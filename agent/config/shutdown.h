// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/config/fields.h"
#include "base/result.h"

// What a KubeletConfiguration says of pods when the machine shuts down.
namespace ballast::agent {

// Pods of this priority and above, up to the next such entry's, have this long to end.
struct ShutdownPeriod {
    std::int64_t priority = 0;
    std::chrono::seconds time{0};
    bool operator==(const ShutdownPeriod &) const = default;
};

struct ShutdownConfig {
    std::chrono::nanoseconds all{0};      // shutdownGracePeriod
    std::chrono::nanoseconds critical{0}; // shutdownGracePeriodCriticalPods: of that
    std::vector<ShutdownPeriod> by_priority = {};

    // By priority, the lowest first. Empty: pods are not ended before everything else is.
    std::vector<ShutdownPeriod> periods() const;
};

std::vector<Field> shutdown_fields(ShutdownConfig &config);
// EINVAL for what contradicts itself.
Status check(const ShutdownConfig &config);

// Which of them is a pod's, by its number; there is one at least. Those below the first are its, too.
std::size_t period_of(const std::vector<ShutdownPeriod> &periods, std::int64_t priority);
// All of them, one after the other.
std::chrono::seconds whole_time(const std::vector<ShutdownPeriod> &periods);

} // namespace ballast::agent
