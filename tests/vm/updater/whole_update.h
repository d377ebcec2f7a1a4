// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/vm/machine_options.h"

// Whole updates of a machine that starts with the image under test. They fail the test where it does not do as said.
namespace ballast::vm {

// From the image to a second version, which it comes back to by itself from one that panics in its initramfs; then to
// a good one, and back to the second by an operator's hand.
void update_through_a_panic();

// The same with versions that panic, hang, lack their engine or fail an operator's check.
void update_through_bad_versions(Firmware firmware);

} // namespace ballast::vm
