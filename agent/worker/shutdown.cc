// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/shutdown.h"

#include <algorithm>

namespace ballast::agent {

void Shutdown::begin(Time now) {
    if (!active() && !periods_.empty()) {
        enter(0, now);
    }
}

void Shutdown::enter(std::size_t period, Time now) {
    current_ = period;
    end_ = period < periods_.size() ? now + periods_[period].time : now;
}

// Who comes late, to a period that is over, ends with the current one.
std::vector<Shutdown::End> Shutdown::step(const std::vector<One> &pods, Time now) {
    std::vector<End> ends;
    while (active() && !done()) {
        ends.clear();
        const ShutdownPeriod &period = periods_[*current_];
        bool waits = false;
        for (const One &pod : pods) {
            if (!pod.over && period_of(periods_, pod.priority) <= *current_) {
                ends.push_back({.uid = pod.uid, .grace = std::min(pod.grace, std::int64_t{period.time.count()})});
                waits = true;
            }
        }
        if (waits && now < end_) {
            break;
        }
        enter(*current_ + 1, now);
    }
    return ends;
}

} // namespace ballast::agent
