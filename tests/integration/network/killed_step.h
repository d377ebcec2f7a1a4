// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/result.h"

// SIGKILL between any two steps of a piece of work, the same ones each time.
namespace ballast::testing {

// Calls `prepare` and then `work` in a process of its own, which is killed when `work`, or a thread that it starts, is
// about to make its system call number `step` (from 0) of those that change what others see: files, mounts, messages to
// the kernel. False: it made fewer, and all of it is done; an error when anything failed, which stderr then tells of.
// Not while the calling process has further threads.
Result<bool> killed_at(int step, const std::function<Status()> &prepare, const std::function<Status()> &work);

} // namespace ballast::testing
