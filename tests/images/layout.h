// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "tests/images/layers.h"
#include "tests/images/oci.h"
#include "tests/images/spec.h"

// OCI image layouts (image-layout.md of the OCI image specification) on disk.
namespace ballast::images {

struct BuiltImage {
    std::string name;
    std::string tag;
    std::string digest; // of the manifest, or of the image index when there are several platforms
};

// Writes the image as the layout `out`/NAME, replacing what stood there once the new one is whole. The same arguments
// give the same bytes.
Result<BuiltImage> build_image(const ImageSpec &image, const Sources &sources, std::time_t created,
                               const std::filesystem::path &out);

// The name, tag and digest of a layout that build_image() made, from its index.json.
Result<BuiltImage> read_layout(const std::filesystem::path &layout);

// The layouts in a directory, sorted by name. ENOENT when there is none.
Result<std::vector<std::filesystem::path>> find_layouts(const std::filesystem::path &directory);

// $SOURCE_DATE_EPOCH, or the first second of 2025 (UTC). EINVAL when it is not a number of seconds.
Result<std::time_t> build_time();

} // namespace ballast::images
