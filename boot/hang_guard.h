// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::boot {

// A process that looks whether this one gets on. While a system has no watchdog yet, a program or a driver that never
// comes back would hold the machine for ever; so each step is allowed a time before it begins. The guard ends when this
// process does, or becomes another program.
class HangGuard {
  public:
    // `give_up` is called in the guard's process once a step has taken too long. Call it while there is one thread.
    static Result<HangGuard> start(std::chrono::milliseconds first, const std::function<void()> &give_up);

    // The step before is over; what begins now may take so long.
    Status allow(std::chrono::milliseconds limit);

  private:
    explicit HangGuard(Fd steps) : steps_(std::move(steps)) {}
    Fd steps_;
};

} // namespace ballast::boot
