// SPDX-License-Identifier: Apache-2.0
#include "updater/support/scrub.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <span>

namespace ballast::updater::support {
namespace {

using std::size_t;

// A part of the text that is replaced.
struct Range {
    size_t begin = 0, end = 0;
};

constexpr std::array<std::string_view, 16> kSecretNames{
    "password", "passwd", "passphrase", "secret",      "token",      "credential", "authorization", "api_key",
    "api-key",  "apikey", "access_key", "private_key", "privatekey", "signature",  "registry-auth", "cookie"};
constexpr std::array<std::string_view, 3> kHeaders{"authorization", "registry-auth", "cookie"};
// What systemd says of its units is no value.
constexpr std::array<std::string_view, 5> kUnits{".service", ".socket", ".path", ".target", ".timer"};

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

size_t skip(std::string_view text, size_t at, bool (*of)(char)) {
    while (at < text.size() && of(text[at])) {
        at++;
    }
    return at;
}

std::string lower_case(std::string_view name) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

bool contains_one(const std::string &name, std::span<const std::string_view> parts) {
    return std::ranges::any_of(parts, [&](std::string_view part) { return name.contains(part); });
}

bool names_a_secret(const std::string &name) {
    const bool is_unit = std::ranges::any_of(kUnits, [&](std::string_view unit) { return name.ends_with(unit); });
    return !is_unit && (name == "auth" || contains_one(name, kSecretNames));
}

// A quoted value: `at` is behind the opening quote, which `escape` backslashes stand before (JSON in JSON).
size_t end_of_quoted(std::string_view text, size_t at, char quote, size_t escapes) {
    for (; at < text.size(); at++) {
        if (text[at] == '\n') {
            return at;
        }
        size_t backslashes = 0;
        while (at < text.size() && text[at] == '\\') {
            backslashes++;
            at++;
        }
        if (at < text.size() && text[at] == quote && backslashes <= escapes) {
            return at - backslashes;
        }
    }
    return text.size();
}

size_t end_of_bare(std::string_view text, size_t at) {
    constexpr std::string_view kEnds = ",;&\"'\\}]";
    while (at < text.size() && !is_space(text[at]) && !kEnds.contains(text[at])) {
        at++;
    }
    return at;
}

// "NAME=VALUE", "NAME: VALUE", "\"NAME\": \"VALUE\"", "--NAME VALUE"; `at` is behind the name, which is in lower case.
std::optional<Range> value_behind(std::string_view text, size_t at, const std::string &name) {
    const auto is_quote = [](char c) { return c == '"' || c == '\'' || c == '\\'; };
    const size_t sign = skip(text, skip(text, at, is_quote), is_blank);
    const bool assigned = sign < text.size() && (text[sign] == '=' || text[sign] == ':');
    const bool is_option = name.starts_with("--") && sign == at + 1 && sign < text.size() && text[sign] != '-';
    if (!assigned && !is_option) {
        return std::nullopt;
    }
    const size_t begin = skip(text, sign + (assigned ? 1 : 0), is_blank);
    if (begin >= text.size() || text[begin] == '{') { // what is in it has names of its own
        return std::nullopt;
    }
    if (text[begin] == '[') {
        return Range{begin + 1, std::min(text.find(']', begin), text.size())};
    }
    const size_t quote = skip(text, begin, [](char c) { return c == '\\'; });
    if (quote < text.size() && (text[quote] == '"' || text[quote] == '\'')) {
        return Range{quote + 1, end_of_quoted(text, quote + 1, text[quote], quote - begin)};
    }
    if (assigned && text[sign] == ':' && contains_one(name, kHeaders)) { // "Authorization: Bearer ..."
        return Range{begin, std::min(text.find_first_of("\r\n\"\\", begin), text.size())};
    }
    const size_t end = end_of_bare(text, begin);
    const std::string_view value = text.substr(begin, end - begin);
    return value == "true" || value == "false" || value == "null" ? std::nullopt : std::optional(Range{begin, end});
}

// From "-----BEGIN " on; what has no end is cut off after the length of the largest.
Range private_key(std::string_view text, size_t at) {
    constexpr std::string_view kEnd = "-----END ", kDashes = "-----";
    constexpr size_t kLongest = 16UL << 10U;
    const size_t most = std::min(text.size(), at + kLongest);
    const size_t end = text.substr(0, most).find(kEnd, at);
    const size_t dashes = end == std::string_view::npos ? end : text.find(kDashes, end + kEnd.size());
    return Range{at, dashes == std::string_view::npos ? most : dashes + kDashes.size()};
}

std::string without_private_keys(std::string_view text) {
    constexpr std::string_view kBegin = "-----BEGIN ", kKey = "PRIVATE KEY-----";
    constexpr size_t kLongestKind = 48;
    std::string result;
    size_t kept = 0;
    for (size_t at = text.find(kBegin); at != std::string_view::npos; at = text.find(kBegin, std::max(at + 1, kept))) {
        if (text.substr(at, kLongestKind).contains(kKey)) {
            const Range key = private_key(text, at);
            result.append(text.substr(kept, key.begin - kept)).append(kRemoved);
            kept = key.end;
        }
    }
    return result.append(text.substr(kept));
}

// "://USER:PASSWORD@"
std::optional<Range> before_host(std::string_view text, size_t at) {
    constexpr std::string_view kScheme = "://", kEnds = "/?#\"'<>\\ \t\r\n";
    if (!text.substr(at).starts_with(kScheme)) {
        return std::nullopt;
    }
    const size_t begin = at + kScheme.size();
    const size_t end = std::min(text.find_first_of(kEnds, begin), text.size());
    const size_t sign = text.substr(0, end).rfind('@');
    return sign == std::string_view::npos || sign < begin ? std::nullopt : std::optional(Range{begin, sign});
}

// crypt(5): "$y$...", "$6$..."
std::optional<Range> password_hash(std::string_view text, size_t at) {
    constexpr size_t kLongestKind = 4, kShortest = 20;
    const auto in_kind = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0 || is_digit(c); };
    const auto in_hash = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("./$=,+-").contains(c);
    };
    const size_t kind = skip(text, at + 1, in_kind);
    if (kind >= text.size() || text[kind] != '$' || kind == at + 1 || kind - at > kLongestKind + 1) {
        return std::nullopt;
    }
    const size_t end = skip(text, at, in_hash);
    return end - at >= kShortest ? std::optional(Range{at, end}) : std::nullopt;
}

std::optional<Range> web_token(std::string_view word, size_t at) {
    const bool is_one = word.starts_with("eyJ") && std::ranges::count(word, '.') == 2;
    return is_one ? std::optional(Range{at, at + word.size()}) : std::nullopt;
}

std::optional<Range> secret_in_word(std::string_view text, size_t begin, size_t end) {
    const std::string_view word = text.substr(begin, end - begin);
    if (const std::optional<Range> token = web_token(word, begin)) {
        return token;
    }
    const std::string name = lower_case(word);
    return names_a_secret(name) ? value_behind(text, end, name) : std::nullopt;
}

} // namespace

std::string scrubbed(std::string_view original) {
    const std::string without_keys = without_private_keys(original);
    const std::string_view text = without_keys;
    std::string result;
    result.reserve(text.size());
    size_t kept = 0; // of `text`, what is in the result or was replaced
    for (size_t at = 0, next = 0; at < text.size(); at = std::max(next, kept)) {
        next = is_name(text[at]) ? skip(text, at, is_name) : at + 1;
        const std::optional<Range> found = is_name(text[at]) ? secret_in_word(text, at, next)
                                           : text[at] == ':' ? before_host(text, at)
                                           : text[at] == '$' ? password_hash(text, at)
                                                             : std::nullopt;
        if (found) {
            result.append(text.substr(kept, found->begin - kept));
            result.append(found->end > found->begin ? kRemoved : "");
            kept = found->end;
        }
    }
    return result.append(text.substr(kept));
}

} // namespace ballast::updater::support
