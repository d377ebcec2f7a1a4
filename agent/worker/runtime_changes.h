// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "agent/cri_client/runtime.h"
#include "base/fd.h"

namespace ballast::agent {

// Follows what happens to the runtime's pods, in a thread of its own, so that nobody has to ask for everything again
// and again.
class RuntimeChanges {
  public:
    // `runtime` outlives it. `settled`: after that a runtime that was asked tells what happens.
    static Result<std::unique_ptr<RuntimeChanges>> follow(Runtime &runtime,
                                                          std::chrono::nanoseconds settled = std::chrono::seconds(10));
    RuntimeChanges(const RuntimeChanges &) = delete;
    RuntimeChanges &operator=(const RuntimeChanges &) = delete;

    // Readable when something has changed since take().
    BorrowedFd changed() const { return event_; }
    // UIDs of pods to which something has happened; an empty one: any of them may have changed.
    std::set<std::string> take();
    // Changes are told, and have been for a while: what the runtime does is not missed. False as well when the runtime
    // cannot tell them.
    bool told() const;

  private:
    RuntimeChanges(Runtime &runtime, Fd event, std::chrono::nanoseconds settled);
    void run(const std::stop_token &stop);
    void add(const std::string &uid);

    Runtime &runtime_;
    Fd event_;
    std::chrono::nanoseconds settled_;
    mutable std::mutex mutex_;
    std::set<std::string> changed_;
    std::optional<std::chrono::steady_clock::time_point> asked_; // the call that stands; nothing: none does
    std::jthread thread_;                                        // last: it uses all of the above
};

} // namespace ballast::agent
