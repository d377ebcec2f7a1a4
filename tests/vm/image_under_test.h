// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/vm/machine_options.h"

namespace ballast::vm {

// $BALLAST_IMAGE, or out/images/ballast-cloud.qcow2; ends the test as skipped, with the remedy, when it is not there.
// An image without boot loader is started directly with $BALLAST_KERNEL, $BALLAST_INITRD and $BALLAST_APPEND.
MachineOptions image_under_test();

// Of a machine that a test boots: one where processors are emulated, so that two tests have as much as one after the
// other would.
unsigned processors_of_test_machine();

} // namespace ballast::vm
