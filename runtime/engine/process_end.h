// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/fd.h"
#include "runtime/monitor/exit_record.h"

namespace ballast::engine {

inline constexpr int kLostStatus = 255; // of a process whose status nobody can tell any more

// Whether the process of that pidfd ends within `time`.
bool ends_within(BorrowedFd process, std::chrono::milliseconds time);
// Whether it has, for those whom neither answer may mislead: an error when that cannot be known.
Result<bool> has_ended(BorrowedFd process);

// How a child of ours ended that has; unknown when it is nobody's whom we can wait for.
monitor::End end_of_child(int pid);

} // namespace ballast::engine
