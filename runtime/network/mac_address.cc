// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/mac_address.h"

#include <cctype>

namespace ballast::network {

std::optional<std::string> mac_bytes(const std::string &text) {
    std::string bytes;
    constexpr std::size_t kLength = kMacSize * 3 - 1;
    for (std::size_t at = 0; text.size() == kLength && at < kLength; at += 3) {
        const auto digit = [&text](std::size_t place) {
            return std::isxdigit(static_cast<unsigned char>(text[place]));
        };
        const bool separated = at + 2 == kLength || text[at + 2] == ':' || text[at + 2] == '-';
        if (digit(at) == 0 || digit(at + 1) == 0 || !separated) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16)));
    }
    const bool group = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 1U) != 0;
    if (bytes.size() != kMacSize || group || bytes.find_first_not_of('\0') == std::string::npos) {
        return std::nullopt;
    }
    return bytes;
}

std::string mac_text(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += text.empty() ? "" : ":";
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 0xfU];
    }
    return text;
}

} // namespace ballast::network
