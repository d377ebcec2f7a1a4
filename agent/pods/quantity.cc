// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace ballast::agent {
namespace {

__extension__ typedef __int128 Wide; // NOLINT(modernize-use-using): of no standard

struct Suffix {
    std::string_view name;
    std::int64_t nano; // nanos of one
};
constexpr std::array kSmall = std::to_array<Suffix>({{"n", 1}, {"u", 1'000}, {"m", 1'000'000}});

// How many of one the suffix stands for. Nothing: it is no suffix.
std::optional<Wide> factor_of(std::string_view suffix) {
    constexpr std::string_view kDecimal = "kMGTPE";
    constexpr std::string_view kBinary = "KMGTPE";
    if (suffix.empty()) {
        return 1;
    }
    const bool binary = suffix.size() == 2 && suffix[1] == 'i';
    const std::size_t place = (binary ? kBinary : kDecimal).find(suffix[0]);
    if (place == std::string_view::npos || (suffix.size() != 1 && !binary)) {
        return std::nullopt;
    }
    Wide factor = 1;
    for (std::size_t i = 0; i <= place; i++) {
        factor *= binary ? 1024 : 1000;
    }
    return factor;
}

std::optional<Wide> nanos_of(std::string_view suffix) {
    constexpr Wide kNano = 1'000'000'000;
    for (const Suffix &small : kSmall) {
        if (suffix == small.name) {
            return small.nano;
        }
    }
    if (suffix.size() > 1 && (suffix[0] == 'e' || suffix[0] == 'E')) {
        int exponent = 0;
        const std::string_view digits = suffix.substr(suffix[1] == '+' ? 2 : 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
        if (error != std::errc() || end != digits.data() + digits.size() || exponent > 18 || exponent < -9) {
            return std::nullopt;
        }
        Wide nanos = kNano;
        for (; exponent > 0; exponent--) {
            nanos *= 10;
        }
        for (; exponent < 0; exponent++) {
            nanos /= 10;
        }
        return nanos;
    }
    const std::optional<Wide> factor = factor_of(suffix);
    return factor ? std::optional(*factor * kNano) : std::nullopt;
}

} // namespace

std::optional<std::int64_t> number_in(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<Quantity> Quantity::parse(std::string_view text) {
    constexpr std::size_t kMostDigits = 18;
    const std::string_view unsigned_text = text.substr(text.starts_with('+') ? 1 : 0);
    const std::size_t end = std::min(unsigned_text.find_first_not_of("0123456789."), unsigned_text.size());
    const std::string_view number = unsigned_text.substr(0, end);
    const std::optional<Wide> nanos = nanos_of(unsigned_text.substr(end));
    const std::size_t point = std::min(number.find('.'), number.size());
    const std::string digits =
        std::string(number.substr(0, point)) + std::string(number.substr(std::min(point + 1, number.size())));
    if (!nanos || digits.empty() || digits.size() > kMostDigits || digits.contains('.')) {
        return std::nullopt;
    }
    Wide value = 0;
    for (const char digit : digits) {
        value = value * 10 + (digit - '0');
    }
    Wide divisor = 1'000'000; // nanos of a thousandth
    for (std::size_t i = point + 1; i < number.size(); i++) {
        divisor *= 10;
    }
    Wide product = 0;
    if (__builtin_mul_overflow(value, *nanos, &product)) {
        return std::nullopt;
    }
    const Wide milli = (product + divisor - 1) / divisor;
    if (milli > INT64_MAX) {
        return std::nullopt;
    }
    Quantity quantity;
    quantity.milli_ = static_cast<std::int64_t>(milli);
    quantity.text_ = std::string(text);
    return quantity;
}

Quantity Quantity::of(std::int64_t whole) { return of_milli(whole * 1000); }

Quantity Quantity::of_milli(std::int64_t milli) {
    Quantity quantity;
    quantity.milli_ = milli;
    quantity.text_ = milli % 1000 == 0 ? std::to_string(milli / 1000) : std::to_string(milli) + "m";
    return quantity;
}

std::int64_t Quantity::in(const Quantity &divisor) const {
    return divisor.milli_ == 0 ? 0 : (milli_ + divisor.milli_ - 1) / divisor.milli_;
}

} // namespace ballast::agent
