// SPDX-License-Identifier: Apache-2.0
#include "runtime/daemon/chores.h"

#include <algorithm>

namespace ballast::daemon {

Chores::Chores(std::optional<std::chrono::microseconds> watchdog, std::uint64_t requests, Time now)
    : watchdog_(watchdog), quiet_at_(now + kQuiet), requests_(requests) {
    if (watchdog_) {
        watchdog_at_ = now + *watchdog_;
    }
}

int Chores::wait(Time now) const {
    if (!watchdog_at_ && !quiet_at_) {
        return -1;
    }
    const Time next = std::min(watchdog_at_.value_or(Time::max()), quiet_at_.value_or(Time::max()));
    // Not earlier: it would be a round for nothing.
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(std::max(next - now, Time::duration::zero()));
    return static_cast<int>(rest.count());
}

bool Chores::watchdog_due(Time now) {
    if (!watchdog_at_ || now < *watchdog_at_) {
        return false;
    }
    watchdog_at_ = now + *watchdog_;
    return true;
}

bool Chores::quiet_due(std::uint64_t requests, Time now) {
    if (!quiet_at_ || now < *quiet_at_) {
        return false;
    }
    if (requests != requests_) { // while we waited
        asked(requests, now);
        return false;
    }
    quiet_at_.reset();
    return true;
}

void Chores::asked(std::uint64_t requests, Time now) {
    requests_ = requests;
    quiet_at_ = now + kQuiet;
}

} // namespace ballast::daemon
