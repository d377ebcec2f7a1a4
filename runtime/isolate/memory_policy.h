// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// From which memory nodes a process takes its pages: set_mempolicy(2). Only a process itself can set its own.
namespace ballast::isolate {

// The policy's nodes as a mask. EINVAL for nodes that the mode cannot have or needs; ENOTSUP when the kernel was built
// without NUMA.
Result<std::vector<unsigned long>> plan_memory_policy(const oci::MemoryPolicy &policy);

Outcome set_memory_policy(const std::optional<oci::MemoryPolicy> &policy, const std::vector<unsigned long> &nodes);

} // namespace ballast::isolate
