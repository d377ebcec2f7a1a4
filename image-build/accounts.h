// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

namespace ballast::image_build {

// Every system account of the tree (ids 100 to 999 in etc/passwd and etc/group) must stand in the sysusers.d(5) file
// with that very id: a number that a package chose could change with the next build and hand files to strangers.
// EINVAL names each account that does not, and the line to add.
Status check_accounts(const std::filesystem::path &tree, const std::filesystem::path &sysusers);

} // namespace ballast::image_build
