// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/vm/machine.h"

namespace ballast::vm {

// Makes the machine's boot loaders old ones, has them renewed, and restarts with them. Fails the test where they are
// not the image's afterwards.
void renew_boot_loader(Machine &machine);

} // namespace ballast::vm
