// SPDX-License-Identifier: Apache-2.0
#include "tests/images/built_images.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/images/check.h"

namespace ballast::images {

BuiltImages::BuiltImages()
    : directory_(must(TemporaryDirectory::create("/tmp", "ballast-images-test-"))),
      images_(must(load_images("tests/images/images.yaml"))), cache_(must(PackageCache::open(test_cache()))) {
    const std::string warning = must(cache_.fetch(wanted_packages(images_), false));
    if (!warning.empty()) {
        WARN(warning);
    }
    sources_ = real_sources(cache_, own_directory(), "tests/images");
    const std::time_t time = must(build_time());
    for (const ImageSpec &spec : images_) {
        built_[spec.name] = must(build_image(spec, sources_, time, layouts()));
    }
}

const ImageSpec &BuiltImages::image(const std::string &name) const {
    const auto found = std::ranges::find(images_, name, &ImageSpec::name);
    REQUIRE(found != images_.end());
    return *found;
}

} // namespace ballast::images
