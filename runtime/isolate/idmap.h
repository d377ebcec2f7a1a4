// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/oci/spec.h"

namespace ballast::isolate {

// A descriptor of a user namespace with these mappings and no process in it: what MOUNT_ATTR_IDMAP of mount_setattr(2)
// takes. A short-lived child makes it; it is gone on return, and goes by itself when this process dies first.
Result<Fd> mapped_user_namespace(const std::vector<oci::IdMapping> &uids, const std::vector<oci::IdMapping> &gids);

// False when nothing maps `id`.
bool map_to_host(const std::vector<oci::IdMapping> &mappings, std::uint32_t id, std::uint32_t &host_id);

} // namespace ballast::isolate
