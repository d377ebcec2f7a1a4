// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ballast::agent {

// A time as Kubernetes' configuration writes it: "1m30s", "1.5h", "100ms", "0". Nothing for other forms, and for what
// does not fit into 64 bits of nanoseconds. Negative times are none here.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

} // namespace ballast::agent
