// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace ballast::boot {

// Makes what is mounted on `root` the root of the first process, takes /dev, /proc, /sys and /run along, and frees the
// memory of the initramfs. Only for the first process, in an initramfs. Nothing is undone when it fails.
Status switch_root(const std::string &root);

} // namespace ballast::boot
