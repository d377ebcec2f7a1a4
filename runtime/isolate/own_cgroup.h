// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"

namespace ballast::isolate {

// The directory of this process's cgroup in /sys/fs/cgroup, O_PATH. ENODEV when no cgroup2 is mounted there. `proc` is
// the host's /proc. Allocates nothing.
Fd open_own_cgroup(BorrowedFd proc);
// The same in a mount of cgroup2.
Fd open_own_cgroup_below(BorrowedFd hierarchy, BorrowedFd proc);

} // namespace ballast::isolate
