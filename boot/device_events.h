// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::boot {

// That the kernel has found or lost a device (NETLINK_KOBJECT_UEVENT), not which.
class DeviceEvents {
  public:
    // Events from here on are kept until they are waited for.
    static Result<DeviceEvents> open();
    // Until there was one, or `time` has passed; one answer for all that came.
    Status wait(std::chrono::milliseconds time);

  private:
    explicit DeviceEvents(Fd socket) : socket_(std::move(socket)) {}
    Fd socket_;
};

} // namespace ballast::boot
