// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

// SHA-256 (FIPS 180-4), as 64 lower-case hexadecimal digits.
namespace ballast {

// Two lower-case digits a byte.
std::string hexadecimal(std::span<const unsigned char> bytes);
std::string sha256(std::string_view bytes);
// SHA-1's 20 bytes, for protocols that prescribe it where nothing rests on it (RFC 6455).
std::string sha1(std::string_view bytes);
Result<std::string> sha256_file(const std::filesystem::path &file);

} // namespace ballast
