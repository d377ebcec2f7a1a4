// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/personality.h"

#include <sys/personality.h>

namespace ballast::isolate {

Outcome set_personality(const std::optional<oci::Personality> &wanted) {
    return !wanted || personality(wanted->domain) >= 0 ? done() : failed_at(Step::kPersonality);
}

} // namespace ballast::isolate
