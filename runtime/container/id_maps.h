// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/oci/spec.h"

namespace ballast::container {

// Writes the maps of the user namespace that `pid` is the first process of (user_namespaces(7)); `proc` is the host's
// /proc. A caller without the right to map more than itself goes through newuidmap(1) and newgidmap(1).
Status write_id_maps(BorrowedFd proc, pid_t pid, const std::vector<oci::IdMapping> &uids,
                     const std::vector<oci::IdMapping> &gids);

// Whether the process may call setgroups(2) then: without privilege, a map of one's own group alone forbids it.
bool may_set_groups(const oci::Linux &linux_part);

} // namespace ballast::container
