// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace ballast::image {

// ENOSPC, before anything was written, when `needed` bytes cannot fit on the file system of `directory` and leave it a
// reserve to run on; `what` is what needs them.
Status check_disk_space(const std::filesystem::path &directory, std::uint64_t needed, const std::string &what);

// An ENOSPC or EDQUOT with what to do about it; other results as they are.
Status explain_full_disk(Status status, const std::filesystem::path &directory);

// "12.3 MB", by 1000 as docker counts.
std::string size_text(std::uint64_t bytes);

} // namespace ballast::image
