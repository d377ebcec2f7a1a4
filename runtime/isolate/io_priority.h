// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <sys/types.h>

#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// I/O scheduling class and priority: ioprio_set(2).
namespace ballast::isolate {

// EINVAL for a class or a priority that ioprio_set(2) does not have.
Status check_io_priority(const oci::IoPriority &priority);

// That of `pid` (0: ours).
Outcome set_io_priority(const std::optional<oci::IoPriority> &priority, pid_t pid);

} // namespace ballast::isolate
