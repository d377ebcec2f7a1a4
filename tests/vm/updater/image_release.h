// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/vm/updater/release.h"

namespace ballast::vm {

// A repository with the commit of the image under test, for further versions. The test is skipped where the image has
// no repository.
Release release_beside_the_image();

} // namespace ballast::vm
