// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/shutdown.h"
#include "agent/pods/back_off.h"

namespace ballast::agent {

// In which order the pods of a machine that is shut down end, and when it has waited long enough for them: those of the
// lowest priorities first. Pure: neither a clock nor pods of its own.
class Shutdown {
  public:
    using Time = BackOff::Time;

    // What it has to know of a pod.
    struct One {
        std::string uid = {};
        std::int64_t priority = 0, grace = 0; // its own, in seconds
        bool over = false;                    // nothing of it runs
    };
    struct End {
        std::string uid = {};
        std::int64_t grace = 0; // seconds: the shorter of its own and its period's
        bool operator==(const End &) const = default;
    };

    // Without periods it never begins.
    explicit Shutdown(std::vector<ShutdownPeriod> periods) : periods_(std::move(periods)) {}

    void begin(Time now);
    void cancel() { current_.reset(); }
    bool active() const { return current_.has_value(); }
    // Those that are to end now; to be called until it is done.
    std::vector<End> step(const std::vector<One> &pods, Time now);
    bool done() const { return current_ == periods_.size(); }
    // What step() is to be called for, if nothing happens before.
    std::optional<Time> due() const { return active() && !done() ? std::optional(end_) : std::nullopt; }

  private:
    void enter(std::size_t period, Time now);

    std::vector<ShutdownPeriod> periods_;
    std::optional<std::size_t> current_; // of them; their number: it is done
    Time end_{0};                        // of the current one
};

} // namespace ballast::agent
