// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace ballast::agent {

// Mounts what stands at `inside` in a volume at `target`, which is made. Links are followed inside the volume only, by
// descriptors from end to end: what a container does there meanwhile cannot lead out of it. What is not there becomes a
// directory, with the volume's own mode. EINVAL: a path that is absolute or has "..".
Status mount_sub_path(const std::filesystem::path &volume, const std::string &inside,
                      const std::filesystem::path &target);

} // namespace ballast::agent
