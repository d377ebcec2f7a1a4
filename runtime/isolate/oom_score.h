// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"

// How readily the kernel's memory killer takes a process: proc_pid_oom_score_adj(5).
namespace ballast::isolate {

// The text for the file; EINVAL outside of -1000 to 1000.
Result<std::string> plan_oom_score(int adjustment);

// That of `pid` (0: ours), through `proc`. EACCES: lowered without CAP_SYS_RESOURCE in the first user namespace.
Outcome set_oom_score(const std::optional<std::string> &adjustment, BorrowedFd proc, pid_t pid);

} // namespace ballast::isolate
