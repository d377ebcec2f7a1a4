// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

struct OurImage {
    Contender contender;
    std::string size_report; // what is big in it, for people
};

// The cloud image that stands in OUTPUT/images. A later build replaces that file, so the benchmark takes a name of its
// own for the present one, in the existing directory `scratch` on the same file system. ENOENT when there is no image.
Result<OurImage> take_our_image(const Settings &settings, const std::filesystem::path &scratch);

} // namespace ballast::bench
