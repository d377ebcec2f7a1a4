// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace ballast::agent {

// How long to wait before what failed is tried again: ten seconds at first, twice as long each time, up to a limit;
// from anew when nothing failed for twice that limit. As kubelet's: the first try after a failure does not wait.
class BackOff {
  public:
    using Time = std::chrono::nanoseconds; // since 1970

    static constexpr std::chrono::seconds kFirst{10};
    explicit BackOff(std::chrono::nanoseconds most) : most_(most) {}

    // What is left to wait at `now` when the last failure was at `failed`; 0: try.
    Time left(const std::string &key, Time failed, Time now) const;
    // It is tried again at `now`, after that failure.
    void tried(const std::string &key, Time failed, Time now);
    // It was tried at `at` by whoever kept the waits before, and had this wait then. Nothing when more is known.
    void recall(const std::string &key, Time wait, Time at);
    void forget(const std::string &key) { entries_.erase(key); }
    Time wait_of(const std::string &key) const; // as it stands; 0: none

  private:
    struct Entry {
        Time wait;
        Time at; // of the last try
    };
    bool expired(const Entry &entry, Time at) const { return at - entry.at > 2 * most_; }
    std::chrono::nanoseconds most_;
    std::map<std::string, Entry> entries_;
};

} // namespace ballast::agent
