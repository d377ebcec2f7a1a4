// SPDX-License-Identifier: Apache-2.0
#include "agent/config/duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace ballast::agent {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};
// Longer names first: "m" begins "ms".
constexpr std::array kUnits = std::to_array<Unit>({
    {"ns", 1},
    {"us", 1'000},
    {"µs", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
});

const Unit *unit_of(std::string_view text) {
    for (const Unit &unit : kUnits) {
        if (text.starts_with(unit.name)) {
            return &unit;
        }
    }
    return nullptr;
}

// One number with its unit, taken off the front.
std::optional<std::int64_t> take_part(std::string_view &text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || text.front() == '-' || text.front() == 'i' || text.front() == 'n') {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const Unit *unit = unit_of(text);
    if (unit == nullptr) {
        return std::nullopt;
    }
    text.remove_prefix(unit->name.size());
    const double nanoseconds = number * static_cast<double>(unit->nanoseconds);
    constexpr double kMost = 9.0e18;
    return nanoseconds < kMost ? std::optional(static_cast<std::int64_t>(nanoseconds)) : std::nullopt;
}

} // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    if (text == "0") {
        return std::chrono::nanoseconds(0);
    }
    std::int64_t sum = 0;
    if (text.empty()) {
        return std::nullopt;
    }
    while (!text.empty()) {
        const std::optional<std::int64_t> part = take_part(text);
        if (!part || __builtin_add_overflow(sum, *part, &sum)) {
            return std::nullopt;
        }
    }
    return std::chrono::nanoseconds(sum);
}

} // namespace ballast::agent
