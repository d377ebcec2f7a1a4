// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/decode.h"

#include <algorithm>

#include "base/timestamp.h"
#include "runtime/log/formats.h"

namespace ballast::container_log {
namespace {

constexpr std::size_t kLongestFileLine = 1UL << 20; // beyond, it is no log of ours

// A reader of the little JSON that a line of json-file has: an object of texts, and one of objects of texts.
class JsonLine {
  public:
    explicit JsonLine(std::string_view text) : rest_(text) {}

    bool take(char wanted) {
        while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) {
            rest_.remove_prefix(1);
        }
        if (!rest_.starts_with(wanted)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    bool take_text(std::string &text) {
        text.clear();
        if (!take('"')) {
            return false;
        }
        for (;;) {
            const std::size_t plain = rest_.find_first_of("\"\\");
            if (plain == std::string_view::npos) {
                return false;
            }
            text += rest_.substr(0, plain);
            const bool end = rest_[plain] == '"';
            rest_.remove_prefix(plain + 1);
            if (end) {
                return true;
            }
            if (!take_escape(text)) {
                return false;
            }
        }
    }

    bool at_end() const { return rest_.empty(); }

  private:
    bool take_escape(std::string &text) {
        if (rest_.empty()) {
            return false;
        }
        const char kind = rest_[0];
        rest_.remove_prefix(1);
        constexpr std::string_view from = "\"\\/bfnrt";
        constexpr std::string_view to = "\"\\/\b\f\n\r\t";
        if (const std::size_t place = from.find(kind); place != std::string_view::npos) {
            text += to[place];
            return true;
        }
        std::uint32_t code = 0;
        if (kind != 'u' || !take_code(code)) {
            return false;
        }
        if (code >= 0xd800 && code < 0xdc00) { // the first half of a pair
            std::uint32_t low = 0;
            if (!rest_.starts_with("\\u")) {
                return false;
            }
            rest_.remove_prefix(2);
            if (!take_code(low) || low < 0xdc00 || low > 0xdfff) {
                return false;
            }
            code = 0x10000 + ((code - 0xd800) << 10U) + (low - 0xdc00);
        }
        append_utf8(text, code);
        return true;
    }

    bool take_code(std::uint32_t &code) {
        if (rest_.size() < 4) {
            return false;
        }
        code = 0;
        for (const char digit : rest_.substr(0, 4)) {
            const int value = digit >= '0' && digit <= '9'   ? digit - '0'
                              : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                              : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                             : -1;
            if (value < 0) {
                return false;
            }
            code = code * 16 + static_cast<std::uint32_t>(value);
        }
        rest_.remove_prefix(4);
        return true;
    }

    static void append_utf8(std::string &text, std::uint32_t code) {
        if (code < 0x80) {
            text += static_cast<char>(code);
            return;
        }
        const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        constexpr std::uint32_t leads[] = {0, 0xc0, 0xe0, 0xf0};
        text += static_cast<char>(leads[more] | code >> (6 * more));
        for (int i = more; i-- > 0;) {
            text += static_cast<char>(0x80U | ((code >> (6 * i)) & 0x3fU));
        }
    }

    std::string_view rest_;
};

std::optional<Stream> stream_of(std::string_view name) {
    return name == "stdout"   ? std::optional(Stream::kStdout)
           : name == "stderr" ? std::optional(Stream::kStderr)
                              : std::nullopt;
}

bool take_attributes(JsonLine &line, Pairs &attributes) {
    if (!line.take('{')) {
        return false;
    }
    if (line.take('}')) {
        return true;
    }
    do {
        auto &[name, value] = attributes.emplace_back();
        if (!line.take_text(name) || !line.take(':') || !line.take_text(value)) {
            return false;
        }
    } while (line.take(','));
    return line.take('}');
}

bool parse_json(std::string_view text, Entry &entry) {
    JsonLine line(text);
    std::optional<Stream> stream;
    std::optional<std::int64_t> time;
    std::string name;
    std::string value;
    entry.text.clear();
    entry.attributes.clear();
    if (!line.take('{')) {
        return false;
    }
    do {
        if (!line.take_text(name) || !line.take(':')) {
            return false;
        }
        if (name == "attrs") {
            if (!take_attributes(line, entry.attributes)) {
                return false;
            }
            continue;
        }
        if (!line.take_text(name == "log" ? entry.text : value)) {
            return false;
        }
        stream = name == "stream" ? stream_of(value) : stream;
        time = name == "time" ? parse_timestamp(value) : time;
    } while (line.take(','));
    if (!line.take('}') || !line.at_end() || !stream || !time) {
        return false;
    }
    entry.stream = *stream;
    entry.time_ns = *time;
    return true;
}

// The next line without its end; `size` 0: it is not whole.
std::string_view line_at(std::string_view bytes, Decoded &decoded) {
    const std::size_t end = bytes.substr(0, kLongestFileLine).find('\n');
    if (end != std::string_view::npos) {
        decoded.size = end + 1;
        return bytes.substr(0, end);
    }
    decoded.size = bytes.size() >= kLongestFileLine ? kLongestFileLine : 0;
    return {};
}

std::string_view take_word(std::string_view &line) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(line.size(), word.size() + 1));
    return word;
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) {
        value = value << 8U | static_cast<unsigned char>(byte);
    }
    return value;
}

} // namespace

Decoded decode_json_line(std::string_view bytes, Entry &entry) {
    Decoded decoded;
    const std::string_view line = line_at(bytes, decoded);
    decoded.good = decoded.size > 0 && parse_json(line, entry);
    return decoded;
}

Decoded decode_cri_line(std::string_view bytes, Entry &entry) {
    Decoded decoded;
    std::string_view line = line_at(bytes, decoded);
    const std::optional<std::int64_t> time = parse_timestamp(take_word(line));
    const std::optional<Stream> stream = stream_of(take_word(line));
    const std::string_view tag = take_word(line).substr(0, 1); // more may follow a colon
    if (decoded.size == 0 || !time || !stream || (tag != "F" && tag != "P")) {
        return decoded;
    }
    entry.time_ns = *time;
    entry.stream = *stream;
    entry.text = line;
    if (tag == "F") {
        entry.text += '\n';
    }
    entry.attributes.clear();
    decoded.good = true;
    return decoded;
}

Decoded decode_local_record(std::string_view bytes, Entry &entry) {
    constexpr std::size_t kSize = 4;
    if (bytes.size() < kSize) {
        return {};
    }
    const std::uint64_t size = big_endian(bytes.substr(0, kSize));
    if (size < kLocalHeader || size > kLargestLocalRecord) {
        return {bytes.size(), false};
    }
    if (bytes.size() < size + 2 * kSize) {
        return {};
    }
    const std::string_view record = bytes.substr(kSize, size);
    const auto stream = static_cast<Stream>(record[0]);
    if (big_endian(bytes.substr(kSize + size, kSize)) != size || static_cast<unsigned char>(record[1]) > 1 ||
        (stream != Stream::kStdout && stream != Stream::kStderr)) {
        return {bytes.size(), false};
    }
    entry.stream = stream;
    entry.time_ns = static_cast<std::int64_t>(big_endian(record.substr(2, 8)));
    entry.text = record.substr(kLocalHeader);
    if (record[1] == 1) {
        entry.text += '\n';
    }
    entry.attributes.clear();
    return {size + 2 * kSize, true};
}

Decode decoder_of(std::string_view driver) {
    return driver == "json-file" ? decode_json_line
           : driver == "cri"     ? decode_cri_line
           : driver == "local"   ? decode_local_record
                                 : nullptr;
}

} // namespace ballast::container_log
