// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <algorithm>
#include <cstdint>

namespace ballast {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr unsigned kDigitBits = 6;
constexpr unsigned kByteBits = 8;

} // namespace

std::string base64(std::string_view bytes) {
    std::string text;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : bytes) {
        bits = (bits << kByteBits) | static_cast<unsigned char>(c);
        for (count += kByteBits; count >= kDigitBits; count -= kDigitBits) {
            text += kDigits[(bits >> (count - kDigitBits)) & 63U];
        }
    }
    if (count > 0) {
        text += kDigits[(bits << (kDigitBits - count)) & 63U];
    }
    text.append((4 - text.size() % 4) % 4, '=');
    return text;
}

Result<std::string> base64_decoded(std::string_view text) {
    const std::size_t end = std::min(text.find('='), text.size());
    const std::size_t padding = text.size() - end;
    if (text.substr(end).find_first_not_of('=') != std::string_view::npos || padding > 2 || end % 4 == 1 ||
        (padding > 0 && text.size() % 4 != 0)) {
        return fail(EINVAL, "not base64");
    }
    std::string bytes;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (char c : text.substr(0, end)) {
        c = c == '-' ? '+' : (c == '_' ? '/' : c);
        const std::size_t value = kDigits.find(c);
        if (value == std::string_view::npos) {
            return fail(EINVAL, "not base64");
        }
        bits = (bits << kDigitBits) | static_cast<std::uint32_t>(value);
        count += kDigitBits;
        if (count >= kByteBits) {
            count -= kByteBits;
            bytes += static_cast<char>((bits >> count) & 0xffU);
        }
    }
    return bytes;
}

} // namespace ballast
