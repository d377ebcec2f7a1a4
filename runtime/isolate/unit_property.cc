// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/unit_property.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

namespace ballast::isolate {
namespace {

constexpr std::array<std::string_view, 8> kTypes = {"b", "s", "as", "i", "u", "t", "au", "ay"};
constexpr std::size_t kMostWords = 4096;

bool is_letter(char letter) { return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'); }
bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

// What stands before the next NUL byte.
std::optional<std::string_view> next_word(std::string_view &bytes) {
    const std::size_t end = bytes.find('\0');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view word = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    return word;
}

std::optional<std::size_t> next_count(std::string_view &bytes) {
    const std::optional<std::string_view> word = next_word(bytes);
    std::size_t count = 0;
    if (!word.has_value()) {
        return std::nullopt;
    }
    const auto [stop, error] = std::from_chars(word->data(), word->data() + word->size(), count);
    if (error != std::errc() || stop != word->data() + word->size() || count > kMostWords) {
        return std::nullopt;
    }
    return count;
}

} // namespace

bool is_property_name(std::string_view name) {
    constexpr std::size_t kShortest = 3, kLongest = 64;
    return name.size() >= kShortest && name.size() <= kLongest && std::ranges::all_of(name, is_letter);
}

bool is_scope_name(std::string_view name) {
    constexpr std::string_view kSuffix = ".scope";
    constexpr std::size_t kLongest = 255;
    return name.size() > kSuffix.size() && name.size() <= kLongest && name.ends_with(kSuffix) &&
           std::ranges::all_of(name, [](char letter) {
               return is_letter(letter) || is_digit(letter) || std::string_view(":-_.\\@").contains(letter);
           });
}

std::string encode(const std::vector<UnitProperty> &properties) {
    std::string bytes;
    const auto add = [&bytes](std::string_view word) { bytes.append(word).push_back('\0'); };
    for (const UnitProperty &property : properties) {
        add(property.name);
        add(property.type);
        add(std::to_string(property.words.size()));
        std::ranges::for_each(property.words, add);
    }
    return bytes;
}

Result<std::vector<UnitProperty>> decode(std::string_view bytes) {
    std::vector<UnitProperty> properties;
    while (!bytes.empty()) {
        const std::optional<std::string_view> name = next_word(bytes), type = next_word(bytes);
        const std::optional<std::size_t> count = next_count(bytes);
        if (!name || !type || !count || !is_property_name(*name) || std::ranges::find(kTypes, *type) == kTypes.end()) {
            return fail(EINVAL, "property " + std::to_string(properties.size() + 1) + " of the request is broken");
        }
        if (type->size() == 1 && *count != 1) {
            return fail(EINVAL, "property " + std::string(*name) + ": want one value");
        }
        UnitProperty property{.name = std::string(*name), .type = std::string(*type), .words = {}};
        for (std::size_t left = *count; left > 0; left--) {
            const std::optional<std::string_view> word = next_word(bytes);
            if (!word.has_value()) {
                return fail(EINVAL, "property " + property.name + ": a value is missing");
            }
            property.words.emplace_back(*word);
        }
        properties.push_back(std::move(property));
    }
    return properties;
}

} // namespace ballast::isolate
