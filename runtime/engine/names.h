// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

// Names and IDs of containers, volumes and execs.
namespace ballast::engine {

// 64 random hexadecimal digits, never all digits in the first 12: a short ID must not read as a number.
std::string random_id();
// "patient_hopper". `attempt` above 0 adds a digit.
std::string random_name(int attempt);

bool is_id(std::string_view text); // 64 lower-case hexadecimal digits
std::string short_id(std::string_view id);
// [a-zA-Z0-9][a-zA-Z0-9_.-]+, at most 255: EINVAL with Docker's words, in which `kind` is "container" or "volume".
Status check_name(std::string_view name, std::string_view kind);

} // namespace ballast::engine
