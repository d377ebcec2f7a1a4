// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The forms of single values in the engine's configuration.
namespace ballast::config {

// "64m", "1g", "65536", "10KiB": bytes; powers of 1024, as Docker counts memory. Nothing for other forms.
std::optional<std::int64_t> parse_size(std::string_view text);

bool is_ip_address(const std::string &text);
// "10.0.0.0/8", "fd00::/64": 8, 64. Nothing for other forms.
std::optional<int> prefix_of(const std::string &text);
bool is_cidr(const std::string &text);
// "host:port" with an address in numbers.
struct AddressAndPort {
    std::string address;
    std::uint16_t port = 0;
    bool is_loopback = false;
};
std::optional<AddressAndPort> parse_address_and_port(const std::string &text);

// How many letters must change to make one of the other; for suggestions.
std::size_t edit_distance(std::string_view one, std::string_view other);

} // namespace ballast::config
