// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/descriptors.h"

#include <climits>
#include <linux/close_range.h>
#include <unistd.h>

namespace ballast::isolate {

Outcome close_on_exec_from(unsigned first) {
    return close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0 ? done() : failed_at(Step::kDescriptors);
}

Outcome close_all_but(unsigned first, std::span<const int> kept) {
    for (const int fd : kept) {
        const auto number = static_cast<unsigned>(fd);
        if (fd < 0 || number < first) {
            continue;
        }
        if (number > first && close_range(first, number - 1, 0) != 0) {
            return failed_at(Step::kDescriptors);
        }
        first = number + 1;
    }
    return close_range(first, UINT_MAX, 0) == 0 ? done() : failed_at(Step::kDescriptors);
}

} // namespace ballast::isolate
