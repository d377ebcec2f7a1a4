// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "runtime/monitor/settings.h"

// Starting a monitor, from a process with threads.
namespace ballast::monitor {

struct Spawned {
    pid_t pid = -1; // a child: who spawned it reaps it
    Fd pidfd;
    Fd control; // socket of the first control connection: Connection::over(). A monitor that has not been told to run
                // anything ends when it is closed.
};

// `program`: ballast-monitor, absolute. `adopted`: what settings.adopted counts; copies go along. The monitor's stderr
// is the caller's. Returns before the monitor listens; Connection::over() returns once it does.
Result<Spawned> spawn(const std::string &program, const Settings &settings,
                      const std::vector<BorrowedFd> &adopted = {});

// Where the monitor finds them.
inline constexpr int kSettingsFd = 3;
inline constexpr int kControlFd = 4;
inline constexpr int kFirstAdoptedFd = 5;
inline constexpr int kMostAdopted = 4096;

} // namespace ballast::monitor
