// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tests/images/entry.h"

// Debian binary packages (deb(5)) and what we take out of them.
namespace ballast::images {

// The package's files by path. EINVAL when `package` is not a Debian package.
Result<std::map<std::string, Entry>> read_deb(std::string_view package);

// The names under which busybox can be called, read from the program itself, so that foreign architectures need no
// emulator. EINVAL when there is no such table.
Result<std::vector<std::string>> busybox_applets(std::string_view program);

} // namespace ballast::images
