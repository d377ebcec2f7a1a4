// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "runtime/isolate/outcome.h"

namespace ballast::isolate {

// Marks every descriptor from `first` on close-on-exec: close_range(2).
Outcome close_on_exec_from(unsigned first);

// Closes every descriptor from `first` on but those of `kept`, which are in ascending order; -1 is nothing.
Outcome close_all_but(unsigned first, std::span<const int> kept);

} // namespace ballast::isolate
