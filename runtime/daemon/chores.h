// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ballast::daemon {

// What the main thread does without being asked, and when: it tells the watchdog that all is well, and gives memory
// back once nobody has asked for anything for kQuiet. Requests alone do not make it look.
class Chores {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::milliseconds kQuiet{1000};

    // `watchdog`: how often it wants to hear; nothing: never. `requests`: how many there have been, as below.
    Chores(std::optional<std::chrono::microseconds> watchdog, std::uint64_t requests, Time now);

    // As poll(2) takes it: milliseconds until the next of them may be due, -1: none is.
    int wait(Time now) const;
    // Is the watchdog to be told? The next time counts from `now`.
    bool watchdog_due(Time now);
    // Has it become quiet? Once, until asked().
    bool quiet_due(std::uint64_t requests, Time now);
    // Memory has been given back, and there is none to give until somebody asks for something.
    bool resting() const { return !quiet_at_; }
    // Somebody has.
    void asked(std::uint64_t requests, Time now);

  private:
    std::optional<std::chrono::microseconds> watchdog_;
    std::optional<Time> watchdog_at_;
    std::optional<Time> quiet_at_;
    std::uint64_t requests_;
};

} // namespace ballast::daemon
