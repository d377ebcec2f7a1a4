// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace ballast::image_build {

// tmpfiles.d(5) lines that make again what packages put below `tree`/var: directories with mode and owner, and links.
// Owners are written as numbers, sorted by path. Regular files are left out: packages regenerate theirs.
Result<std::string> var_as_tmpfiles(const std::filesystem::path &tree);

} // namespace ballast::image_build
