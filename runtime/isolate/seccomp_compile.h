// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <vector>

#include "base/result.h"
#include "runtime/oci/spec.h"

// The only door to libseccomp.
namespace ballast::isolate {

// What was linked, as major * 65536 + minor * 256 + micro.
std::uint32_t libseccomp_version();

// The profile as a program for seccomp(2). EINVAL names the place of what is wrong: "linux.seccomp.syscalls[3].action:
// …".
Result<std::vector<sock_filter>> compile_seccomp(const oci::Seccomp &profile);

} // namespace ballast::isolate
