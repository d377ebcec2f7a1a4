// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/affinity.h"

#include <climits>
#include <sched.h>

#include "runtime/isolate/number_list.h"

namespace ballast::isolate {

Result<std::vector<unsigned long>> parse_cpu_list(std::string_view list) {
    return parse_number_list(list, kMostProcessors);
}

std::vector<unsigned long> all_processors() {
    return std::vector<unsigned long>(kMostProcessors / (sizeof(unsigned long) * CHAR_BIT), ~0UL);
}

Outcome set_affinity(const std::vector<unsigned long> &mask, pid_t pid) {
    if (mask.empty()) {
        return done();
    }
    const auto *set = reinterpret_cast<const cpu_set_t *>(mask.data());
    return sched_setaffinity(pid, mask.size() * sizeof(unsigned long), set) == 0 ? done() : failed_at(Step::kAffinity);
}

} // namespace ballast::isolate
