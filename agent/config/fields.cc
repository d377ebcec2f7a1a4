// SPDX-License-Identifier: Apache-2.0
#include "agent/config/fields.h"

#include <algorithm>
#include <charconv>
#include <format>

#include "agent/config/duration.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kFarthestSuggestion = 3; // letters that a suggested name may differ in

std::size_t distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::ranges::generate(row, [n = std::size_t{0}]() mutable { return n++; });
    for (std::size_t i = 0; i < one.size(); i++) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < other.size(); j++) {
            const std::size_t changed = diagonal + (one[i] == other[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

// Lists and mappings have none.
std::string text_or_nothing(const YamlNode &value) { return value.as_string().value_or(""); }

bool has_no_value(const YamlNode &value) {
    return !value.as_string().has_value() && !value.items().has_value() && !value.members().has_value();
}

} // namespace

std::unexpected<Error> wrong(const YamlNode &node, const std::string &what) {
    return fail(EINVAL, node.where() + ": " + what);
}

Field text_field(std::string_view name, std::string &to) {
    return {name, [&to](const YamlNode &value) -> Status {
                to = TRY(value.as_string());
                return {};
            }};
}

Field texts_field(std::string_view name, std::vector<std::string> &to) {
    return {name, [&to](const YamlNode &value) -> Status {
                to.clear();
                for (const YamlNode &item : TRY(value.items())) {
                    to.push_back(TRY(item.as_string()));
                }
                return {};
            }};
}

Field flag_field(std::string_view name, bool &to) {
    return {name, [&to, name](const YamlNode &value) -> Status {
                const std::string text = text_or_nothing(value);
                if (text != "true" && text != "false") {
                    return wrong(value, std::format("\"{}\" must be true or false", name));
                }
                to = text == "true";
                return {};
            }};
}

Field number_field(std::string_view name, long long &to, long long least, long long most) {
    return {name, [&to, name, least, most](const YamlNode &value) -> Status {
                const std::string text = text_or_nothing(value);
                long long number = 0;
                const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
                if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
                    return wrong(value, std::format("\"{}\" must be a number from {} to {}", name, least, most));
                }
                to = number;
                return {};
            }};
}

Field duration_field(std::string_view name, std::chrono::nanoseconds &to) {
    return {name, [&to, name](const YamlNode &value) -> Status {
                const auto duration = parse_duration(text_or_nothing(value));
                if (!duration) {
                    return wrong(value, std::format("\"{}\" must be a time like 1m30s", name));
                }
                to = duration->count() == 0 ? to : *duration;
                return {};
            }};
}

Field map_field(std::string_view name, std::map<std::string, std::string> &to) {
    return {name, [&to](const YamlNode &value) -> Status {
                to.clear();
                for (const auto &[key, item] : TRY(value.members())) {
                    to[key] = TRY(item.as_string());
                }
                return {};
            }};
}

Field word_field(std::string_view name, std::string &to, std::vector<std::string_view> words) {
    return {name, [&to, name, words = std::move(words)](const YamlNode &value) -> Status {
                std::string text = TRY(value.as_string());
                if (!text.empty() && !std::ranges::contains(words, text)) {
                    std::string list;
                    for (const std::string_view word : words) {
                        list += (list.empty() ? "" : ", ") + std::string(word);
                    }
                    return wrong(value, std::format("\"{}\" is {}; known are {}", name, quote(text), list));
                }
                to = text.empty() ? to : std::move(text);
                return {};
            }};
}

Field object_field(std::string_view name, std::vector<Field> fields) {
    return {name, [fields = std::move(fields)](const YamlNode &value) -> Status {
                return read_fields(value, fields, [&](const std::string &member, const YamlNode &found) -> Status {
                    std::vector<std::string_view> known;
                    std::ranges::transform(fields, std::back_inserter(known), &Field::name);
                    return std::unexpected(unknown_field(found, member, known));
                });
            }};
}

Status read_fields(const YamlNode &mapping, std::span<const Field> fields,
                   const std::function<Status(const std::string &name, const YamlNode &value)> &otherwise) {
    for (const auto &[name, value] : TRY(mapping.members())) {
        const auto field = std::ranges::find(fields, name, &Field::name);
        if (field == fields.end()) {
            TRY(otherwise(name, value));
        } else if (!has_no_value(value)) {
            TRY(field->read(value));
        }
    }
    return {};
}

Error unknown_field(const YamlNode &value, const std::string &name, std::span<const std::string_view> known) {
    std::string message = value.where() + ": unknown field " + quote(name);
    if (!known.empty()) {
        const auto nearest = std::ranges::min(known, {}, [&](std::string_view one) { return distance(name, one); });
        message += distance(name, nearest) <= kFarthestSuggestion ? std::format("; did you mean \"{}\"?", nearest) : "";
    }
    return {EINVAL, message};
}

bool is_empty(const YamlNode &value) {
    if (const auto members = value.members()) {
        return std::ranges::all_of(*members, [](const auto &member) { return is_empty(member.second); });
    }
    if (const auto items = value.items()) {
        return items->empty();
    }
    const std::string text = text_or_nothing(value);
    const auto duration = parse_duration(text);
    return text.empty() || text == "false" || (duration && duration->count() == 0);
}

} // namespace ballast::agent
