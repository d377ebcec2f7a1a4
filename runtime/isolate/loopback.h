// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/isolate/outcome.h"

namespace ballast::isolate {

// Sets the loopback device of our network namespace up: a new one has it down. netdevice(7); allocates nothing.
Outcome set_loopback_up();

} // namespace ballast::isolate
