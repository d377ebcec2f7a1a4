// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

// The root of a container that has no mount namespace of its own is mounted over its directory in the runtime's, and
// nobody but `delete` takes it away again.
namespace ballast::container {

// The mount that a path is on (statx(2), STATX_MNT_ID); nothing when it cannot be looked at.
std::optional<std::uint64_t> mount_of(const std::string &path);

// Unmounts what is mounted over `root`, with all below it, unless that is `covered`: the mount that it was on before.
Status unmount_root(const std::string &root, std::uint64_t covered);

} // namespace ballast::container
