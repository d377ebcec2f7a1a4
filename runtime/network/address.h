// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::network {

enum class Family : std::uint8_t { kV4, kV6 };

// An IPv4 or IPv6 address; those of IPv4 sort first. The bytes are in network order, of which IPv4 uses the first four.
struct Address {
    Family family = Family::kV4;
    std::array<std::uint8_t, 16> bytes{};

    // "10.0.0.1" or "fd00::1", as inet_pton(3) reads them: no prefix, no zone.
    static std::optional<Address> parse(std::string_view text);
    static Address any(Family family) { return {.family = family, .bytes = {}}; }

    std::string text() const; // RFC 5952 for IPv6
    unsigned bits() const { return family == Family::kV4 ? 32 : 128; }
    std::string_view raw() const; // 4 or 16 bytes
    bool is_any() const;
    bool is_loopback() const; // 127.0.0.0/8, ::1
    bool is_multicast() const;
    // The address `offset` behind this one; wraps around.
    Address plus(std::uint64_t offset) const;

    auto operator<=>(const Address &) const = default;
};

// A network in CIDR notation. `address` may have bits set behind the prefix ("172.17.0.1/16"); base() has none.
struct Subnet {
    Address address;
    unsigned prefix = 0;

    // "10.0.0.0/8". Without a prefix it is none.
    static std::optional<Subnet> parse(std::string_view text);

    std::string text() const;
    Family family() const { return address.family; }
    Address base() const;
    Address last() const; // the broadcast address of an IPv4 network
    Subnet network() const { return {.address = base(), .prefix = prefix}; }
    bool contains(const Address &other) const;
    bool contains(const Subnet &other) const { return other.prefix >= prefix && contains(other.address); }
    bool overlaps(const Subnet &other) const { return contains(other) || other.contains(*this); }
    // How many addresses behind base() belong to it; those beyond 64 bits are not counted.
    std::uint64_t last_offset() const;

    auto operator<=>(const Subnet &) const = default;
};

} // namespace ballast::network
