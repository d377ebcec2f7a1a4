// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "tests/images/layers.h"
#include "tests/images/packages.h"

namespace ballast::images {

// The real places: packages of the cache (each unpacked once), compiled programs, files beside images.yaml.
// `cache` lives as long as what is returned.
Sources real_sources(const PackageCache &cache, const std::filesystem::path &programs,
                     const std::filesystem::path &source_directory);

// Where tests keep packages between runs: $BALLAST_TEST_IMAGES_CACHE, or a directory of ./dev's cache.
std::filesystem::path test_cache();

// The directory of the running program, where CMake also puts the test programs.
std::filesystem::path own_directory();

} // namespace ballast::images
