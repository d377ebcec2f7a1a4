// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

namespace ballast {
namespace {

using namespace std::chrono;

constexpr std::int64_t kSecond = 1'000'000'000;

void append_digits(std::string &to, std::uint64_t number, int digits) {
    std::array<char, 20> text{};
    for (int i = digits; i-- > 0; number /= 10) {
        text[static_cast<std::size_t>(i)] = static_cast<char>('0' + number % 10);
    }
    to.append(text.data(), static_cast<std::size_t>(digits));
}

// Takes exactly `digits` digits.
std::optional<int> take_digits(std::string_view &text, std::size_t digits) {
    int number = 0;
    if (text.size() < digits) {
        return std::nullopt;
    }
    for (const char digit : text.substr(0, digits)) {
        if (digit < '0' || digit > '9') {
            return std::nullopt;
        }
        number = number * 10 + (digit - '0');
    }
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view &text, char wanted) {
    if (!text.starts_with(wanted)) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

// What stands behind the seconds' point.
std::optional<std::int64_t> take_fraction(std::string_view &text) {
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        if (digits == 9) {
            return std::nullopt;
        }
        value = value * 10 + (text[digits] - '0');
    }
    text.remove_prefix(digits);
    for (std::size_t i = digits; i < 9; ++i) {
        value *= 10;
    }
    return digits > 0 ? std::optional(value) : std::nullopt;
}

// Seconds east of Greenwich.
std::optional<std::int64_t> take_zone(std::string_view &text) {
    if (take(text, 'Z')) {
        return 0;
    }
    const bool west = text.starts_with('-');
    if (!take(text, west ? '-' : '+')) {
        return std::nullopt;
    }
    const std::optional<int> hours_east = take_digits(text, 2);
    const bool colon = take(text, ':');
    const std::optional<int> minutes_east = take_digits(text, 2);
    if (!hours_east || !colon || !minutes_east || *hours_east > 23 || *minutes_east > 59) {
        return std::nullopt;
    }
    const std::int64_t east = *hours_east * 3600 + *minutes_east * 60;
    return west ? -east : east;
}

struct Parts {
    int year = 0;
    std::int64_t seconds = 0; // since 1970
    std::int64_t nanoseconds = 0;
};

std::optional<Parts> parse(std::string_view text) {
    constexpr std::array<std::pair<std::size_t, char>, 6> fields{
        {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, '\0'}}};
    std::array<int, 6> numbers{};
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::optional<int> number = take_digits(text, fields[i].first);
        if (!number || (fields[i].second != '\0' && !take(text, fields[i].second))) {
            return std::nullopt;
        }
        numbers[i] = *number;
    }
    const year_month_day date{year(numbers[0]), month(static_cast<unsigned>(numbers[1])),
                              day(static_cast<unsigned>(numbers[2]))};
    if (!date.ok() || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 59) {
        return std::nullopt;
    }
    std::optional<std::int64_t> below = 0;
    if (take(text, '.')) {
        below = take_fraction(text);
    }
    const std::optional<std::int64_t> east = take_zone(text);
    if (!below || !east || !text.empty()) {
        return std::nullopt;
    }
    const std::int64_t clock = numbers[3] * 3600 + numbers[4] * 60 + numbers[5];
    return Parts{.year = numbers[0],
                 .seconds = std::int64_t{sys_days(date).time_since_epoch().count()} * 86400 + clock - *east,
                 .nanoseconds = *below};
}

} // namespace

void append_timestamp(std::string &to, std::int64_t time_ns, Fraction fraction) {
    const sys_time<nanoseconds> time{nanoseconds(time_ns)};
    const sys_days day = floor<days>(time);
    const year_month_day date(day);
    const auto rest = static_cast<std::uint64_t>((time - day).count());
    append_digits(to, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
    to += '-';
    append_digits(to, static_cast<unsigned>(date.month()), 2);
    to += '-';
    append_digits(to, static_cast<unsigned>(date.day()), 2);
    to += 'T';
    append_digits(to, rest / kSecond / 3600, 2);
    to += ':';
    append_digits(to, rest / kSecond / 60 % 60, 2);
    to += ':';
    append_digits(to, rest / kSecond % 60, 2);
    const std::uint64_t below = rest % kSecond;
    if (fraction == Fraction::kMicro || fraction == Fraction::kNano || (fraction == Fraction::kShortest && below > 0)) {
        to += '.';
        append_digits(to, fraction == Fraction::kMicro ? below / 1000 : below, fraction == Fraction::kMicro ? 6 : 9);
    }
    while (fraction == Fraction::kShortest && below > 0 && to.back() == '0') {
        to.pop_back();
    }
    to += 'Z';
}

std::string timestamp(std::int64_t time_ns, Fraction fraction) {
    std::string text;
    append_timestamp(text, time_ns, fraction);
    return text;
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
    const std::optional<Parts> parts = parse(text);
    // Beyond these years nanoseconds have no room in 64 bits.
    if (!parts || parts->year < 1678 || parts->year > 2261) {
        return std::nullopt;
    }
    return parts->seconds * kSecond + parts->nanoseconds;
}

std::optional<std::int64_t> parse_timestamp_seconds(std::string_view text) {
    const std::optional<Parts> parts = parse(text);
    return parts ? std::optional(parts->seconds) : std::nullopt;
}

std::int64_t now_ns() {
    timespec now{};
    (void)clock_gettime(CLOCK_REALTIME, &now); // cannot fail
    return now.tv_sec * kSecond + now.tv_nsec;
}

std::string timestamp_now() { return timestamp(now_ns()); }

} // namespace ballast
