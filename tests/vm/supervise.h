// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

// The process that outlives a crash: a program's work runs in a child, the parent tidies up whatever way it ended.
namespace ballast::vm {

// Forks; the child's exit status is what `work` returns. SIGINT, SIGTERM and SIGHUP end the child at once (with it, its
// own children: they have asked for that) and are then the reason of our status, 128 + number. `tidy` runs in the
// parent once the child is gone; it is told whether such a signal was the reason. Call it before there are threads.
using Tidy = std::function<void(bool interrupted)>;
int supervise(const std::function<int()> &work, const Tidy &tidy);

// Lets go of the child: it leaves the terminal's session and, once it has called `released`, the parent returns 0 and
// leaves it running. Until then the child dies with the parent. SIGTERM, SIGINT and SIGHUP are blocked in the child:
// after `released` it is to wait for them itself (signalfd).
int supervise_until_released(const std::function<int(const std::function<void()> &released)> &work, const Tidy &tidy);

} // namespace ballast::vm
