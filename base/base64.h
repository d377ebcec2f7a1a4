// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

// Base64 (RFC 4648).
namespace ballast {

std::string base64(std::string_view bytes);
// Both alphabets, with or without padding. EINVAL for anything else.
Result<std::string> base64_decoded(std::string_view text);

} // namespace ballast
