// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

// SHA-256 (FIPS 180-4), as 64 lower-case hexadecimal digits.
namespace ballast {

std::string sha256(std::string_view bytes);
Result<std::string> sha256_file(const std::filesystem::path &file);

} // namespace ballast
