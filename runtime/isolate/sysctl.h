// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// Kernel parameters of the container's namespaces: linux.sysctl.
namespace ballast::isolate {

using Sysctl = std::pair<std::string, std::string>; // file below /proc/sys, value

// Only parameters that belong to a namespace which the container has for itself (EINVAL otherwise): everything else
// would change the host. Names as in sysctl(8), with "." or "/" between.
Result<std::vector<Sysctl>> plan_sysctls(const oci::Spec &spec);

// `proc` is the host's /proc: what a container mounts over its own cannot misdirect a write.
Outcome write_sysctls(const std::vector<Sysctl> &sysctls, BorrowedFd proc);

} // namespace ballast::isolate
