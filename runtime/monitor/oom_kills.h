// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::monitor {

// How many processes of a cgroup, and of those below it, the kernel has killed for want of memory: memory.events. The
// runtime makes a new cgroup at each start, so all of them are the container's: also one before we could look.
class OomKills {
  public:
    OomKills() = default; // of no cgroup: none, ever
    // ENOENT: the cgroup has no memory controller.
    static Result<OomKills> open(const std::string &cgroup);
    // POLLPRI when there may be more. -1: none.
    int descriptor() const { return file_.get(); }
    // Reads again; true when there are more than before. A cgroup that is gone has no more.
    bool look();
    std::uint64_t count() const { return count_; }

  private:
    Fd file_;
    std::uint64_t count_ = 0;
};

// The number behind "oom_kill" in the text of memory.events; 0 when there is none.
std::uint64_t oom_kills_in(std::string_view text);

} // namespace ballast::monitor
