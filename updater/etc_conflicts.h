// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace ballast::updater {

// Files of /etc that the machine has changed and the update changes, too: libostree keeps the machine's. `present` is
// the running /etc, `old_default` and `new_default` are usr/etc of the running and of the prepared deployment. Paths
// are relative, sorted, at most `most`.
Result<std::vector<std::string>> etc_conflicts(const std::filesystem::path &present,
                                               const std::filesystem::path &old_default,
                                               const std::filesystem::path &new_default, std::size_t most = 100);

} // namespace ballast::updater
