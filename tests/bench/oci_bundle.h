// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

namespace ballast::bench {

// Makes DIRECTORY/{once,standing}/config.json on one DIRECTORY/rootfs that holds /payload and the usual mount points.
// `seccomp_profile` is the text of containers-common's; without cgroups there are no resources.
// The configurations name the root by `place`, the path under which the runtimes will see DIRECTORY.
Status write_bundles(const std::filesystem::path &directory, const std::filesystem::path &place,
                     const std::filesystem::path &payload, const std::string &seccomp_profile, bool cgroups);

// The default seccomp profile as Debian ships it: golang-github-containers-common, kept in CACHE/test-images.
Result<std::string> debian_seccomp_profile(const std::filesystem::path &cache);

} // namespace ballast::bench
