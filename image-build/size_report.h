// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

// What is big in an image.
namespace ballast::image_build {

struct Size {
    std::string name;
    std::uint64_t bytes;
};

struct SizeReport {
    std::uint64_t total = 0;                  // bytes of all regular files, hard links once
    std::vector<Size> packages;               // by what of their files is still there, biggest first
    std::vector<Size> directories;            // two to four levels deep, biggest first
    std::string text(std::size_t most) const; // the `most` biggest of each, for people
};

// Of an unpacked, trimmed root file system that still has dpkg's database.
Result<SizeReport> measure(const std::filesystem::path &tree);

} // namespace ballast::image_build
