// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/reading.h"

#include <algorithm>
#include <format>

#include "base/quote.h"
#include "runtime/config/values.h"

namespace ballast::config {
namespace {

constexpr std::size_t kFarthestSuggestion = 3; // letters that a suggested key may differ in

} // namespace

std::unexpected<Error> wrong(const YamlNode &node, const std::string &what) {
    return fail(EINVAL, node.where() + ": " + what);
}

std::unexpected<Error> wrong_at(const YamlNode &root, const char *key, const std::string &what) {
    const Result<YamlNode> node = root.at(key);
    return wrong(node.has_value() ? *node : root, std::format("\"{}\" {}", key, what));
}

Status refuse_unknown(const YamlNode &mapping, std::span<const char *const> known) {
    for (const auto &[name, value] : TRY(mapping.members())) {
        if (std::ranges::contains(known, name, [](const char *key) { return std::string_view(key); })) {
            continue;
        }
        const char *nearest =
            *std::ranges::min_element(known, {}, [&](const char *key) { return edit_distance(name, key); });
        const bool near = edit_distance(name, nearest) <= kFarthestSuggestion;
        return wrong(value,
                     "unknown key " + quote(name) + (near ? std::format("; did you mean \"{}\"?", nearest) : ""));
    }
    return {};
}

Result<std::map<std::string, std::string>> texts_by_name(const YamlNode &mapping) {
    std::map<std::string, std::string> values;
    for (const auto &[name, value] : TRY(mapping.members())) {
        values[name] = TRY(value.as_string());
    }
    return values;
}

} // namespace ballast::config
