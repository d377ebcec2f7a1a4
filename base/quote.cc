// SPDX-License-Identifier: Apache-2.0
#include "base/quote.h"

namespace ballast {
namespace {

unsigned char byte_at(std::string_view text, std::size_t place) { return static_cast<unsigned char>(text[place]); }

// Length of the well-formed UTF-8 sequence (RFC 3629) of two or more bytes that `text` starts with; 0 when there is
// none or when it is one of the C1 controls, which terminals obey.
std::size_t printable_sequence(std::string_view text) {
    unsigned char lead = byte_at(text, 0);
    std::size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) {
        return 0;
    }
    for (std::size_t place = 1; place < length; place++) {
        if ((byte_at(text, place) & 0xc0U) != 0x80) {
            return 0;
        }
    }
    unsigned char second = byte_at(text, 1);
    bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    bool surrogate_or_beyond = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
    bool c1_control = lead == 0xc2 && second < 0xa0;
    return overlong || surrogate_or_beyond || c1_control ? 0 : length;
}

// Control characters and broken UTF-8 as C escapes; also the characters in `also`, with a backslash in front.
std::string escape(std::string_view text, std::string_view also) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        std::size_t taken = 1;
        unsigned char byte = byte_at(text, 0);
        if (byte == '\n') {
            result += "\\n";
        } else if (byte == '\t') {
            result += "\\t";
        } else if (byte == '\r') {
            result += "\\r";
        } else if (byte >= 0x20 && byte < 0x7f) {
            if (also.contains(text[0])) {
                result += '\\';
            }
            result += text[0];
        } else if (std::size_t length = byte >= 0x80 ? printable_sequence(text) : 0; length > 0) {
            result += text.substr(0, length);
            taken = length;
        } else {
            constexpr std::string_view digits = "0123456789abcdef";
            result += {'\\', 'x', digits[byte >> 4U], digits[byte & 0xfU]};
        }
        text.remove_prefix(taken);
    }
    return result;
}

} // namespace

std::string escaped(std::string_view text) { return escape(text, ""); }

std::string quote(std::string_view text) { return '"' + escape(text, "\"\\") + '"'; }

} // namespace ballast
