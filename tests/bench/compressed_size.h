// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

// How much is left of an image when it is compressed, the same way on both sides: zstd -19.
namespace ballast::bench {

// Bytes of the directory as a tar archive, compressed. Programs' messages go to `log`.
Result<std::uint64_t> compressed_tree(const std::filesystem::path &directory, const std::filesystem::path &log);

// Bytes of the file, compressed.
Result<std::uint64_t> compressed_file(const std::filesystem::path &file, const std::filesystem::path &log);

} // namespace ballast::bench
