// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <sys/types.h>

#include "base/result.h"

namespace ballast::agent {

// Mounts a directory of this machine at `target`, which is made: what is mounted in it is not, and what becomes of the
// mount at `target` has no part in it. With a group, all that is in there becomes that group's first, as kubelet has
// it: to read and write, and directories hand it on; unless `always`, only when the directory itself is not theirs yet.
// After an error nothing is mounted. ENOENT, ENOTDIR: there is no such directory.
Status mount_claim(const std::filesystem::path &source, const std::filesystem::path &target, std::optional<gid_t> group,
                   bool always);

} // namespace ballast::agent
