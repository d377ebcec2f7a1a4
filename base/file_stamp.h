// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

namespace ballast {

// By which a file is seen to be another than it was: where it is, its size and its times. All zero: it is not there.
using FileStamp = std::array<std::int64_t, 7>;
FileStamp stamp_of(const std::filesystem::path &file);

} // namespace ballast
