// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The files that a disk image is given out as.
namespace ballast::image_build {

struct Format {
    std::string_view name;      // on the command line
    std::string_view extension; // of the file
};
inline constexpr Format kFormats[] = {{"qcow2", ".qcow2"}, {"raw", ".raw.zst"}};

// "raw,qcow2" as formats. EINVAL lists the known ones.
Result<std::vector<Format>> parse_formats(const std::string &list);

// Writes `raw` as `format` to `output`: qcow2 with zstd-compressed clusters, or raw compressed with zstd.
Status convert(const std::filesystem::path &raw, const Format &format, const std::filesystem::path &output,
               const std::filesystem::path &log);

// Removes the files of `image` (a path without extension) in formats that are not among `formats`: an older build's,
// which nobody would tell from this one's.
Status remove_other_formats(const std::filesystem::path &image, const std::vector<Format> &formats);

// SHA256SUMS for the regular files of `directory` whose names start with `prefix`, in the form of sha256sum(1).
Result<std::string> checksums(const std::filesystem::path &directory, const std::string &prefix);

} // namespace ballast::image_build
