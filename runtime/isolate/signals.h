// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/isolate/outcome.h"

namespace ballast::isolate {

// What execve(2) would pass on: no signal is ignored and none is blocked after this.
Outcome reset_signals();

} // namespace ballast::isolate
