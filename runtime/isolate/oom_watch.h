// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/cgroup_directory.h"

// Tells when the kernel kills a container's process for want of memory (memory.events), until the cgroup is empty.
namespace ballast::isolate {

class OomWatch {
  public:
    enum class Event {
        kNothing, // the time is over
        kOom,     // at least one more process was killed
        kEmpty,   // nobody is left; nothing more will come
    };
    // ENOENT when the cgroup has no memory controller.
    static Result<OomWatch> open(const CgroupDir &directory);
    Result<Event> next(std::chrono::milliseconds timeout);

  private:
    OomWatch(Fd memory, Fd events) : memory_(std::move(memory)), events_(std::move(events)) {}
    Fd memory_, events_;
    std::uint64_t killed_ = 0;
};

} // namespace ballast::isolate
