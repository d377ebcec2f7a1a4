// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/values.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <limits>
#include <netinet/in.h>
#include <vector>

namespace ballast::config {
namespace {

template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(value) : std::nullopt;
}

int address_bits(const std::string &text) {
    std::array<unsigned char, 16> address{};
    if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) {
        return 32;
    }
    return inet_pton(AF_INET6, text.c_str(), address.data()) == 1 ? 128 : 0;
}

bool is_loopback(const std::string &text) {
    in_addr four{};
    in6_addr six{};
    if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
        return ntohl(four.s_addr) >> 24U == 127;
    }
    return inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

} // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
    static constexpr std::string_view kUnits = "kmgtp";
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::optional<std::int64_t> number = whole_number<std::int64_t>(text.substr(0, digits));
    std::string unit(text.substr(digits));
    std::ranges::transform(unit, unit.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    const std::size_t power = unit.empty() || unit == "b" ? std::string_view::npos : kUnits.find(unit.front());
    const bool known =
        unit.empty() || unit == "b" ||
        (power != std::string_view::npos && (unit.size() == 1 || unit.substr(1) == "b" || unit.substr(1) == "ib"));
    if (!number || !known) {
        return std::nullopt;
    }
    const unsigned shift = power == std::string_view::npos ? 0 : static_cast<unsigned>(power + 1) * 10;
    if (*number > std::numeric_limits<std::int64_t>::max() >> shift) {
        return std::nullopt;
    }
    return *number << shift;
}

bool is_ip_address(const std::string &text) { return address_bits(text) != 0; }

std::optional<int> prefix_of(const std::string &text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::optional<int> length =
        whole_number<int>(std::string_view(text).substr(std::min(slash + 1, text.size())));
    const int bits = address_bits(text.substr(0, slash));
    return bits != 0 && length && *length >= 0 && *length <= bits ? length : std::nullopt;
}

bool is_cidr(const std::string &text) { return prefix_of(text).has_value(); }

std::optional<AddressAndPort> parse_address_and_port(const std::string &text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    std::string address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    }
    const std::optional<std::uint16_t> port = whole_number<std::uint16_t>(std::string_view(text).substr(colon + 1));
    if (!port || !is_ip_address(address)) {
        return std::nullopt;
    }
    return AddressAndPort{address, *port, is_loopback(address)};
}

std::size_t edit_distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t place = 0; place < row.size(); place++) {
        row[place] = place;
    }
    for (std::size_t left = 0; left < one.size(); left++) {
        std::size_t diagonal = row[0];
        row[0] = left + 1;
        for (std::size_t right = 0; right < other.size(); right++) {
            const std::size_t replaced = diagonal + (one[left] == other[right] ? 0 : 1);
            diagonal = row[right + 1];
            row[right + 1] = std::min({replaced, row[right] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace ballast::config
