// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/memory_policy.h"

#include <climits>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/isolate/number_list.h"

namespace ballast::isolate {

Result<std::vector<unsigned long>> plan_memory_policy(const oci::MemoryPolicy &policy) {
    if (syscall(SYS_get_mempolicy, nullptr, nullptr, 0UL, nullptr, 0UL) != 0 && errno == ENOSYS) {
        return fail(ENOTSUP, "linux.memoryPolicy: this kernel has no memory policies");
    }
    const bool wants_none = policy.mode == MPOL_DEFAULT || policy.mode == MPOL_LOCAL;
    if (policy.nodes.empty()) {
        if (!wants_none && policy.mode != MPOL_PREFERRED) {
            return fail(EINVAL, "linux.memoryPolicy.nodes: this mode needs nodes");
        }
        return std::vector<unsigned long>();
    }
    if (wants_none) {
        return fail(EINVAL, "linux.memoryPolicy.nodes: MPOL_DEFAULT and MPOL_LOCAL take none");
    }
    return parse_number_list(policy.nodes, kMostMemoryNodes).within("linux.memoryPolicy.nodes");
}

Outcome set_memory_policy(const std::optional<oci::MemoryPolicy> &policy, const std::vector<unsigned long> &nodes) {
    if (!policy) {
        return done();
    }
    // The kernel counts one bit less than it is told.
    const unsigned long bits = nodes.empty() ? 0 : nodes.size() * sizeof(unsigned long) * CHAR_BIT + 1;
    const unsigned long *mask = nodes.empty() ? nullptr : nodes.data();
    return syscall(SYS_set_mempolicy, static_cast<unsigned long>(policy->mode | policy->flags), mask, bits) == 0
               ? done()
               : failed_at(Step::kMemoryPolicy);
}

} // namespace ballast::isolate
