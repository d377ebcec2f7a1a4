// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <sys/types.h>

#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// Scheduling policies: sched(7), sched_setattr(2).
namespace ballast::isolate {

// EINVAL for values that the policy has no use for, or that no kernel takes.
Status check_scheduler(const oci::Scheduler &scheduler);

// That of `pid` (0: ours). EPERM: real-time policies and lower nice values need CAP_SYS_NICE in the first user
// namespace.
Outcome set_scheduler(const std::optional<oci::Scheduler> &scheduler, pid_t pid);

} // namespace ballast::isolate
