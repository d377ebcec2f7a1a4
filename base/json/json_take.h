// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json/json_cursor.h"

// Members of an object into the fields of a struct. What is missing, or null, keeps what is there.
namespace ballast {

inline void take(const JsonCursor &from, std::string &to) {
    if (from.given()) {
        to = from.text();
    }
}
inline void take(const JsonCursor &from, bool &to) {
    if (from.given()) {
        to = from.boolean();
    }
}
inline void take(const JsonCursor &from, std::optional<bool> &to) {
    if (from.given()) {
        to = from.boolean();
    }
}
template <typename Number>
    requires std::is_integral_v<Number>
void take(const JsonCursor &from, Number &to) {
    if (from.given()) {
        to = from.number<Number>();
    }
}
template <typename Number>
    requires(std::is_integral_v<Number> && !std::is_same_v<Number, bool>)
void take(const JsonCursor &from, std::optional<Number> &to) {
    if (from.given()) {
        to = from.number<Number>();
    }
}
inline void take(const JsonCursor &from, std::chrono::nanoseconds &to) {
    if (from.given()) {
        to = std::chrono::nanoseconds(from.number<std::int64_t>());
    }
}
inline void take(const JsonCursor &from, std::vector<std::string> &to) {
    if (from.given()) {
        to = from.texts();
    }
}
inline void take(const JsonCursor &from, std::optional<std::vector<std::string>> &to) {
    if (from.given()) {
        to = from.texts();
    }
}
inline void take(const JsonCursor &from, std::map<std::string, std::string> &to) {
    if (!from.given()) {
        return;
    }
    to.clear();
    for (const JsonCursor member : from.members()) {
        to.emplace(member.name(), from.at(member.name()).text()); // null reads as an empty text
    }
}
// {"80/tcp": {}}
inline void take(const JsonCursor &from, std::set<std::string> &to) {
    if (!from.given()) {
        return;
    }
    to.clear();
    for (const JsonCursor member : from.members()) {
        to.emplace(member.name());
    }
}
template <typename Item, typename Read>
void take_list(const JsonCursor &from, std::vector<Item> &to, Read read) {
    if (!from.given()) {
        return;
    }
    to.clear();
    for (const JsonCursor item : from.items()) {
        read(item, to.emplace_back());
    }
}

} // namespace ballast
