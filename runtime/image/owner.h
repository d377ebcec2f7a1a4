// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <sys/types.h>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::image {

using Owner = std::pair<uid_t, gid_t>;
// Whose a file is somewhere else, where it is seen through a user namespace. Unset: nothing lies between.
using OwnerMap = std::function<Result<Owner>(Owner)>;

// A user namespace, and its root as the host knows it.
struct Users {
    Fd user_namespace = {};
    Owner root = {};
};

// From here on files that the calling thread makes are that owner's, whatever it may do otherwise stays: overlayfs over
// mapped layers makes none for somebody whom the mapping does not know.
Status make_files_as(Owner owner);

} // namespace ballast::image
