// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/descriptors.h"

#include <climits>
#include <linux/close_range.h>
#include <unistd.h>

namespace ballast::isolate {

Outcome close_on_exec_from(unsigned first) {
    return close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0 ? done() : failed_at(Step::kDescriptors);
}

} // namespace ballast::isolate
