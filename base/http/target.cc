// SPDX-License-Identifier: Apache-2.0
#include "base/http/target.h"

#include <algorithm>

namespace ballast::http {
namespace {

constexpr std::size_t kMostValues = 1024;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> form_decoded(std::string_view text) {
    std::string spaced(text);
    std::ranges::replace(spaced, '+', ' ');
    return percent_decoded(spaced);
}

} // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t place = 0; place < text.size(); place++) {
        if (text[place] != '%') {
            decoded += text[place];
            continue;
        }
        const int high = place + 2 < text.size() ? hex_digit(text[place + 1]) : -1;
        const int low = place + 2 < text.size() ? hex_digit(text[place + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return std::nullopt;
        }
        decoded += static_cast<char>(high * 16 + low);
        place += 2;
    }
    return decoded;
}

std::optional<Query> Query::parse(std::string_view text) {
    Query query;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        if (part.empty()) {
            continue;
        }
        const std::size_t equals = std::min(part.find('='), part.size());
        std::optional<std::string> name = form_decoded(part.substr(0, equals));
        std::optional<std::string> value = form_decoded(part.substr(std::min(equals + 1, part.size())));
        if (!name || !value || query.values_.size() == kMostValues) {
            return std::nullopt;
        }
        query.values_.emplace_back(std::move(*name), std::move(*value));
    }
    return query;
}

bool Query::has(std::string_view name) const {
    return std::ranges::any_of(values_, [&](const auto &value) { return value.first == name; });
}

std::string_view Query::get(std::string_view name) const {
    for (const auto &[key, value] : values_) {
        if (key == name) {
            return value;
        }
    }
    return {};
}

std::vector<std::string> Query::all(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto &[key, value] : values_) {
        if (key == name) {
            found.push_back(value);
        }
    }
    return found;
}

std::optional<Target> parse_target(std::string_view target) {
    if (const std::size_t scheme = target.find("://"); scheme != std::string_view::npos && !target.starts_with('/')) {
        const std::size_t slash = target.find('/', scheme + 3);
        target = slash == std::string_view::npos ? "/" : target.substr(slash);
    }
    const std::size_t end = std::min(target.find('?'), target.size());
    std::optional<std::string> path = percent_decoded(target.substr(0, end));
    std::optional<Query> query = Query::parse(target.substr(std::min(end + 1, target.size())));
    if (!path || !query || !path->starts_with('/')) {
        return std::nullopt;
    }
    return Target{std::move(*path), std::move(*query)};
}

} // namespace ballast::http
