// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/times.h"

#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/json/json_tree.h"
#include "runtime/engine/model_json.h"

namespace ballast::api {
namespace {

// Seconds with at most nine digits behind the point; nothing for other forms and for what does not fit.
std::optional<engine::Time> unix_time(std::string_view text) {
    const std::size_t point = std::min(text.find('.'), text.size());
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + point, seconds);
    std::string digits(text.substr(std::min(point + 1, text.size())));
    constexpr std::int64_t kMostSeconds = 9'000'000'000; // what nanoseconds in 64 bits hold, and some less
    const bool numbers = digits.find_first_not_of("0123456789") == std::string::npos && digits.size() <= 9;
    if (point == 0 || error != std::errc() || end != text.data() + point || !numbers || seconds < 0 ||
        seconds > kMostSeconds) {
        return std::nullopt;
    }
    digits.resize(9, '0');
    std::int64_t nanoseconds = 0;
    (void)std::from_chars(digits.data(), digits.data() + digits.size(), nanoseconds); // nine digits
    return engine::Time(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
}

// "1h30m", "1.5s", "300ms", as Go's time.ParseDuration.
std::optional<std::chrono::nanoseconds> go_duration(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
        {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
    double total = 0;
    constexpr double kMost = 9e18;
    while (!text.empty()) {
        if (text.find_first_of("0123456789.") != 0) {
            return std::nullopt; // "inf" and "nan" are numbers to from_chars
        }
        double number = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
        if (error != std::errc() || number < 0) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        const std::string_view unit = text.substr(0, text.find_first_of("0123456789."));
        text.remove_prefix(unit.size());
        double factor = 0;
        for (const auto &[name, value] : kUnits) {
            factor = name == unit ? value : factor;
        }
        total += number * factor;
        if (factor == 0 || total > kMost) {
            return std::nullopt;
        }
    }
    return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

} // namespace

Result<engine::Time> parse_when(std::string_view text, engine::Time now) {
    if (text.empty() || text == "0") {
        return engine::kNever;
    }
    if (const std::optional<engine::Time> time = unix_time(text)) {
        return *time;
    }
    if (const std::optional<std::chrono::nanoseconds> duration = go_duration(text)) {
        return now - *duration;
    }
    if (Result<engine::Time> time = engine::parse_time(text); time.has_value()) {
        return *time;
    }
    return fail(EINVAL, "invalid time " + shortly_quoted(text) + ": want seconds since 1970, RFC 3339 or a duration");
}

} // namespace ballast::api
