// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// Resource limits: prlimit(2).
namespace ballast::isolate {

// EINVAL when a resource stands there twice or a soft limit is over its hard one.
Status check_rlimits(const std::vector<oci::Rlimit> &limits);

// Those of `pid` (0: ours); `index` is the place in the list. EPERM: a hard limit is raised without CAP_SYS_RESOURCE in
// the first user namespace.
Outcome set_rlimits(const std::vector<oci::Rlimit> &limits, pid_t pid);

} // namespace ballast::isolate
