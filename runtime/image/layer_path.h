// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/image/unpack.h"

// What the name of a layer's entry means (image specification, layer.md).
namespace ballast::image {

enum class PathKind : std::uint8_t {
    kEntry,
    kRoot,     // the layer's root directory: "./"
    kWhiteout, // ".wh.NAME": NAME of the layers below is gone
    kOpaque,   // ".wh..wh..opq": all that the layers below have in this directory is gone
    kIgnored,  // ".wh..wh.…": aufs's own bookkeeping
};

struct LayerPath {
    PathKind kind = PathKind::kEntry;
    std::string parent = {}; // relative to the root, "" for the root itself; no "." and ".."
    std::string name = {};   // one component; of a whiteout: what is gone
};

// EINVAL for "..", an empty name, and a whiteout that stands where a directory should; ENAMETOOLONG beyond the limits.
Result<LayerPath> parse_layer_path(std::string_view written, bool whiteouts, const UnpackLimits &limits);

} // namespace ballast::image
