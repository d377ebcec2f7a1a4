// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace ballast {

// Bytes in the regular files of a tree, hard links once. What vanishes meanwhile is not counted.
std::uint64_t tree_size(const std::filesystem::path &root);

// What a tree takes of its file system: blocks and inodes of everything in it, hard links once. No link leads out.
struct TreeUse {
    std::uint64_t bytes = 0, inodes = 0;
};
TreeUse tree_use(const std::filesystem::path &root);

} // namespace ballast
