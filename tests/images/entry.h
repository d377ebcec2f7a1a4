// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>

// What stands in a layer: one member of a tar archive.
namespace ballast::images {

enum class Kind { kFile, kDirectory, kSymlink, kHardLink, kFifo };

struct Entry {
    std::string path; // relative, no "./" in front, no slash at the end
    Kind kind = Kind::kFile;
    std::string content = {}; // kFile
    std::string target = {};  // kSymlink: as written; kHardLink: a path like `path`
    mode_t mode = 0644;       // permission bits only, with setuid, setgid and sticky
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::map<std::string, std::string> attributes = {}; // extended attributes, raw bytes

    bool operator==(const Entry &) const = default;
};

// Whiteouts as the OCI image specification (layer.md) spells them.
inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";

} // namespace ballast::images
