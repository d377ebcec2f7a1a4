// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/root_dir.h"

namespace ballast::volume {

// Fills an empty volume with what the image has at `inside`, with owners, modes and extended attributes, and gives its
// directory those of the image's. A volume that holds anything is left alone; so is one for whose place the image has
// no directory. `inside` is resolved within `root`.
Status copy_up(const RootDir &root, const std::filesystem::path &inside, const std::filesystem::path &data);

} // namespace ballast::volume
