// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

namespace ballast::engine {

// Bytes in the regular files of a tree, hard links once. What vanishes meanwhile is not counted.
std::uint64_t tree_size(const std::filesystem::path &root);

} // namespace ballast::engine
