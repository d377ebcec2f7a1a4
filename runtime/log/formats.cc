// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/formats.h"

#include "base/timestamp.h"

namespace ballast::container_log {
namespace {

unsigned char byte_at(std::string_view text, std::size_t place) { return static_cast<unsigned char>(text[place]); }

// Length of the well-formed UTF-8 sequence (RFC 3629) at the start of `text`, whose first byte is no ASCII; 0: none.
std::size_t sequence(std::string_view text) {
    const unsigned char lead = byte_at(text, 0);
    const std::size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) {
        return 0;
    }
    for (std::size_t place = 1; place < length; ++place) {
        if ((byte_at(text, place) & 0xc0U) != 0x80) {
            return 0;
        }
    }
    const unsigned char second = byte_at(text, 1);
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool surrogate_or_beyond = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
    return overlong || surrogate_or_beyond ? 0 : length;
}

bool stands_for_itself(unsigned char byte) {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

void append_escaped(std::string &to, unsigned char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    switch (byte) {
    case '"':
    case '\\':
        to += {'\\', static_cast<char>(byte)};
        return;
    case '\n':
        to += "\\n";
        return;
    case '\r':
        to += "\\r";
        return;
    default:
        to += "\\u00";
        to += {digits[byte >> 4U], digits[byte & 0xfU]};
    }
}

// As Go's encoder for HTML, which docker's is made from.
void append_json_text(std::string &to, std::string_view text) {
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && stands_for_itself(byte_at(text, plain))) {
            ++plain;
        }
        to += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) {
            return;
        }
        std::size_t taken = 1;
        if (byte_at(text, 0) < 0x80) {
            append_escaped(to, byte_at(text, 0));
        } else if (const std::size_t length = sequence(text); length == 0) {
            to += "\\ufffd";
        } else if (text.starts_with("\xe2\x80\xa8") || text.starts_with("\xe2\x80\xa9")) {
            to += text[2] == '\xa8' ? "\\u2028" : "\\u2029";
            taken = 3;
        } else {
            to += text.substr(0, length);
            taken = length;
        }
        text.remove_prefix(taken);
    }
}

std::string_view name_of(Stream stream) { return stream == Stream::kStdout ? "stdout" : "stderr"; }

void append_big_endian(std::string &to, std::uint64_t value, int bytes) {
    for (int i = bytes; i-- > 0;) {
        to += static_cast<char>(value >> (8 * i));
    }
}

} // namespace

void append_json_line(std::string &to, const Line &line, std::string_view attributes) {
    to += "{\"log\":\"";
    append_json_text(to, line.text);
    to += line.ended ? "\\n\",\"stream\":\"" : "\",\"stream\":\"";
    to += name_of(line.stream);
    to += "\",";
    to += attributes;
    to += "\"time\":\"";
    append_timestamp(to, line.time_ns);
    to += "\"}\n";
}

std::string json_attributes(const Pairs &attributes) {
    std::string text;
    for (const auto &[name, value] : attributes) {
        text += text.empty() ? "\"attrs\":{\"" : ",\"";
        append_json_text(text, name);
        text += "\":\"";
        append_json_text(text, value);
        text += '"';
    }
    return text.empty() ? text : text + "},";
}

void append_cri_line(std::string &to, const Line &line) {
    append_timestamp(to, line.time_ns, Fraction::kNano);
    to += ' ';
    to += name_of(line.stream);
    to += line.ended ? " F " : " P ";
    to += line.text;
    to += '\n';
}

void append_local_record(std::string &to, const Line &line) {
    const std::size_t size = kLocalHeader + line.text.size();
    append_big_endian(to, size, 4);
    to += {static_cast<char>(line.stream), line.ended ? '\1' : '\0'};
    append_big_endian(to, static_cast<std::uint64_t>(line.time_ns), 8);
    append_big_endian(to, line.part, 4);
    to += line.text;
    append_big_endian(to, size, 4);
}

} // namespace ballast::container_log
