// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "image-build/tree.h"

namespace ballast::image_build {

// What is built: from the git checkout at `directory`, or from `version` when that is not empty. `scheme` is the
// manifest's, with {date} (YYYYMMDD) and {time} (HHMMSS), both UTC of the source commit. SOURCE_DATE_EPOCH in the
// environment overrides the commit's time. EINVAL when there is neither a commit nor both a version and an epoch.
Result<Release> describe_release(const std::filesystem::path &directory, const std::string &scheme,
                                 const std::string &version);

} // namespace ballast::image_build
