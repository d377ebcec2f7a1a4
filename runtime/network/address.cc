// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <limits>

namespace ballast::network {
namespace {

// The byte at `index` with the bits behind `prefix` set or cleared.
std::uint8_t masked(std::uint8_t byte, std::size_t index, unsigned prefix, bool set) {
    const unsigned first = static_cast<unsigned>(index) * 8;
    const unsigned kept = prefix <= first ? 0 : std::min(prefix - first, 8U);
    const auto behind = static_cast<std::uint8_t>(0xffU >> kept);
    return static_cast<std::uint8_t>(set ? byte | behind : byte & ~behind);
}

Address with_host_bits(Address address, unsigned prefix, bool set) {
    for (std::size_t index = 0; index < address.bits() / 8; index++) {
        address.bytes[index] = masked(address.bytes[index], index, prefix, set);
    }
    return address;
}

} // namespace

std::optional<Address> Address::parse(std::string_view text) {
    const std::string copy(text);
    Address address;
    if (text.contains(char{})) {
        return std::nullopt;
    }
    if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) {
        return address;
    }
    address.family = Family::kV6;
    return inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1 ? std::optional(address) : std::nullopt;
}

std::string Address::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    return inet_ntop(family == Family::kV4 ? AF_INET : AF_INET6, bytes.data(), buffer.data(), buffer.size());
}

std::string_view Address::raw() const { return {reinterpret_cast<const char *>(bytes.data()), bits() / 8}; }

bool Address::is_any() const {
    return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
    return family == Family::kV4 ? bytes[0] == 127
                                 : *this == Address{Family::kV6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

bool Address::is_multicast() const { return family == Family::kV4 ? (bytes[0] & 0xf0U) == 0xe0 : bytes[0] == 0xff; }

Address Address::plus(std::uint64_t offset) const {
    Address result = *this;
    std::uint64_t carry = offset;
    for (std::size_t index = bits() / 8; index > 0 && carry > 0; index--) {
        const std::uint64_t sum = result.bytes[index - 1] + (carry & 0xffU);
        result.bytes[index - 1] = static_cast<std::uint8_t>(sum);
        carry = (carry >> 8U) + (sum >> 8U);
    }
    return result;
}

std::optional<Subnet> Subnet::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::optional<Address> address = Address::parse(text.substr(0, slash));
    if (slash == std::string_view::npos || !address) {
        return std::nullopt;
    }
    const std::string_view digits = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || prefix > address->bits()) {
        return std::nullopt;
    }
    return Subnet{.address = *address, .prefix = prefix};
}

std::string Subnet::text() const { return address.text() + "/" + std::to_string(prefix); }

Address Subnet::base() const { return with_host_bits(address, prefix, false); }

Address Subnet::last() const { return with_host_bits(address, prefix, true); }

bool Subnet::contains(const Address &other) const {
    return other.family == address.family && with_host_bits(other, prefix, false) == base();
}

std::uint64_t Subnet::last_offset() const {
    const unsigned host_bits = address.bits() - prefix;
    return host_bits >= 64 ? std::numeric_limits<std::uint64_t>::max() : (std::uint64_t{1} << host_bits) - 1;
}

} // namespace ballast::network
