// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace ballast::engine {

// Children that the daemon did not start: it is a subreaper, and gets those of a monitor that was killed. Who waits for
// one of them claims it; all others are waited for here, so that no dead ones pile up. Children that base/subprocess
// starts are in the daemon's session, orphans never are.
class Orphans {
  public:
    // Calls `start`, which returns a new child, and claims that before anybody could look for it.
    Result<pid_t> start(const std::function<Result<pid_t>()> &start);
    void claim(pid_t pid);
    void release(pid_t pid); // it was waited for
    // Waits for all that have ended. How many have not.
    std::size_t collect();

  private:
    std::mutex mutex_;
    std::multiset<pid_t> claimed_;
};

// Ends calls of the runtime whose monitor is gone: those with that verb and that argument, which is a container's id or
// an exec's pid file. What a `run` was making dies with it, or is known to `delete` then; what an `exec` was making
// dies with it, or is named by the pid file. ETIMEDOUT when one hangs in the kernel.
Status end_runtime_calls(const std::string &program, const std::string &verb, const std::string &argument);

} // namespace ballast::engine
