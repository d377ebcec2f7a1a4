// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "base/root_dir.h"
#include "runtime/engine/model.h"

// Who a container's program runs as. /etc/passwd and /etc/group are the container's: they are read inside its root, as
// far as 1 MiB each, and lines over 4 KiB are passed over.
namespace ballast::engine {

struct ProcessUser {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; // the first is `gid`
    std::string home = "/";
};

// `user` is "", "NAME", "UID", "NAME:GROUP", "UID:GID"; `more_groups` are names or numbers. EINVAL with Docker's words
// for what is not there or above 2147483647.
Result<ProcessUser> look_up_user(const RootDir &root, const std::string &user, const Texts &more_groups);

} // namespace ballast::engine
