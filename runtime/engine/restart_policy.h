// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include "runtime/engine/model.h"

// When a container that ended is started again: at once with `docker run --restart`, later and later when it keeps
// ending.
namespace ballast::engine {

class RestartBackoff {
  public:
    static constexpr std::chrono::milliseconds kFirst{100}, kLongest{60'000};
    static constexpr std::chrono::seconds kStable{10}; // it ran so long: the next wait is the first again

    // How long to wait after it ran for `ran`.
    std::chrono::milliseconds next(Nanoseconds ran);

  private:
    std::chrono::milliseconds delay_{0};
};

struct Exit {
    int code = 0;
    bool manually_stopped = false; // `docker stop` or `docker kill` asked for it
    int restarts = 0;              // so far
};

// Right after it ended.
bool should_restart(const RestartPolicy &policy, const Exit &exit);
// When the daemon starts: `always` starts again what the user had stopped.
bool should_start_with_daemon(const RestartPolicy &policy, const Exit &exit);

} // namespace ballast::engine
