// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// What of root's power a process has: capabilities(7), by capset(2) and prctl(2). The inheritable set is what the
// specification names and nothing that we add: with it filled, a file's own inheritable set gives power to users who
// were to have none.
namespace ballast::isolate {

// Those that the running kernel has.
std::uint64_t known_capabilities();

// Without what the kernel does not know, and without ambient ones that are not permitted and inheritable as well: no
// kernel grants these, and other runtimes pass over both. EINVAL when an effective one is not permitted.
Result<oci::Capabilities> plan_capabilities(const oci::Capabilities &wanted, std::uint64_t known);

// The steps of taking on a user, in this order, so that at no time more is held than before or than planned.
// `index` is the number of a capability.
Outcome drop_bounding_set(std::uint64_t kept, std::uint64_t known);
Outcome keep_over_change_of_user(); // the permitted set only, and only until set_capabilities()
// All four other sets; the ambient one is empty of what the caller had. Reads back what the kernel made of it.
Outcome set_capabilities(const oci::Capabilities &capabilities);

} // namespace ballast::isolate
