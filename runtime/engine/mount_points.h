// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"

// What a container has mounted beside its root, from all the ways in which a user can say it. Pure: whether a source
// exists is asked by those who prepare it.
namespace ballast::engine {

// `inherited`: those of --volumes-from, already with their modes. Volumes without a name are anonymous: whoever makes
// them fills it in. Parents before what is below them. EINVAL with Docker's words.
Result<std::vector<MountPoint>> plan_mount_points(const Config &config, const HostConfig &host,
                                                  const std::vector<MountPoint> &inherited);

// "CONTAINER[:ro|rw]" of --volumes-from.
struct VolumesFrom {
    std::string container;
    bool read_only = false;
};
Result<VolumesFrom> parse_volumes_from(const std::string &text);

// An absolute path without "." and "..", and without a slash at its end.
std::string clean_path(const std::string &path);

} // namespace ballast::engine
