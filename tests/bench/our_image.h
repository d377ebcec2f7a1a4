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

// What an image of OUTPUT/images was made of.
struct BuildOfImage {
    std::string commit, ref;
};
// ENOENT when there is no finished image of that variant ("cloud").
Result<BuildOfImage> build_of_image(const Settings &settings, const std::string &variant);

// The cloud image that stands in OUTPUT/images. A later build replaces that file, so the benchmark takes a name of its
// own for the present one, in the existing directory `scratch` on the same file system. ENOENT when there is no image.
Result<OurImage> take_our_image(const Settings &settings, const std::filesystem::path &scratch);

} // namespace ballast::bench
