// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "runtime/engine/model.h"

namespace ballast::engine {

// The capabilities of a container's program as "CAP_CHOWN", sorted: Docker's default 14, changed by --cap-add and
// --cap-drop (with or without "CAP_", any case, "ALL"), or all that the kernel has (up to number `last`) when it is
// privileged. EINVAL with Docker's words for a name that is none.
Result<Texts> plan_capabilities(const Texts &add, const Texts &drop, bool privileged, unsigned last);

} // namespace ballast::engine
