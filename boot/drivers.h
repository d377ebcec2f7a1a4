// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

struct kmod_ctx;

namespace ballast::boot {

// The aliases of the devices on the buses that a disk may hang on, those of virtual machines first: they load fast, and
// mostly the root device is theirs. `sysfs` is /sys, but for tests.
std::vector<std::string> device_aliases(const std::string &sysfs);

// The kernel's modules, from /usr/lib/modules of this kernel.
class Drivers {
  public:
    static Result<Drivers> open();

    // Loads the driver of every device that has come since the last call, until `enough` says so after one of them: the
    // rest is left to udev. What cannot be loaded is told to `complain`, and is no reason to stop.
    void load(const std::function<bool()> &enough, const std::function<void(const std::string &)> &complain);
    // One by its name or alias ("fs-ext4"). One that is built in or not there is fine: what needs it says so itself.
    void load(const std::string &alias, const std::function<void(const std::string &)> &complain);

  private:
    using Context = std::unique_ptr<kmod_ctx, void (*)(kmod_ctx *)>;
    explicit Drivers(Context context) : context_(std::move(context)) {}
    Context context_;
    std::set<std::string> seen_;
};

} // namespace ballast::boot
