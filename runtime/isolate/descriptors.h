// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/isolate/outcome.h"

namespace ballast::isolate {

// Marks every descriptor from `first` on close-on-exec: close_range(2).
Outcome close_on_exec_from(unsigned first);

} // namespace ballast::isolate
