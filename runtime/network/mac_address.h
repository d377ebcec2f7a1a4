// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ballast::network {

inline constexpr std::size_t kMacSize = 6;

// Six pairs of hexadecimal digits with colons or dashes as the bytes. Nothing for groups and for all zeros.
std::optional<std::string> mac_bytes(const std::string &text);
std::string mac_text(std::string_view bytes); // "02:42:ac:11:00:02"

} // namespace ballast::network
