// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace ballast::engine {

// `subpath` below `root`; nothing when it is not there, leads out, or any part of it is a link.
std::optional<std::filesystem::path> below_without_links(const std::filesystem::path &root, const std::string &subpath);

} // namespace ballast::engine
