// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/rlimits.h"

#include <cstdint>
#include <string>
#include <sys/resource.h>

namespace ballast::isolate {

Status check_rlimits(const std::vector<oci::Rlimit> &limits) {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < limits.size(); i++) {
        const oci::Rlimit &limit = limits[i];
        const std::string where = "process.rlimits[" + std::to_string(i) + "]: ";
        if (limit.resource < 0 || limit.resource >= static_cast<int>(RLIM_NLIMITS)) {
            return fail(EINVAL, where + "the kernel has no such resource");
        }
        const std::uint64_t bit = 1ULL << static_cast<unsigned>(limit.resource);
        if ((seen & bit) != 0) {
            return fail(EINVAL, where + limit.name + " was given before");
        }
        seen |= bit;
        if (limit.soft > limit.hard) {
            return fail(EINVAL, where + "soft limit " + std::to_string(limit.soft) + " is over the hard limit " +
                                    std::to_string(limit.hard));
        }
    }
    return {};
}

Outcome set_rlimits(const std::vector<oci::Rlimit> &limits, pid_t pid) {
    for (std::size_t i = 0; i < limits.size(); i++) {
        const rlimit64 limit{.rlim_cur = limits[i].soft, .rlim_max = limits[i].hard};
        if (prlimit64(pid, static_cast<__rlimit_resource>(limits[i].resource), &limit, nullptr) != 0) {
            return failed_at(Step::kRlimit, static_cast<int>(i));
        }
    }
    return done();
}

} // namespace ballast::isolate
