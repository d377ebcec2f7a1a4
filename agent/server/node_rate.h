// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>

#include "agent/cri_client/usage.h"

namespace ballast::agent {

// How fast CPU time passes, from what it was when somebody asked before. For several threads at once.
class NodeRate {
  public:
    explicit NodeRate(const Usage &first) : last_(first) {}

    // Nanoseconds a second, since the last usage that is a second old or more.
    Amount rate(const Usage &now) {
        const std::lock_guard lock(mutex_);
        const std::int64_t time = now.time - last_.time;
        if (time < 0 || (time >= kLeast.count() && (!now.cpu || !last_.cpu || *now.cpu < *last_.cpu))) {
            last_ = now; // the clock was set, or there is nothing to count from
        } else if (time >= kLeast.count()) {
            rate_ = static_cast<std::uint64_t>(static_cast<double>(*now.cpu - *last_.cpu) * 1e9 /
                                               static_cast<double>(time));
            last_ = now;
        }
        return rate_;
    }

  private:
    static constexpr std::chrono::nanoseconds kLeast = std::chrono::seconds(1);
    std::mutex mutex_;
    Usage last_;
    Amount rate_;
};

} // namespace ballast::agent
