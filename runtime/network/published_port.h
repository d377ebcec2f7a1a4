// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/network/address.h"

namespace ballast::network {

enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 }; // IPPROTO_*
const char *protocol_name(Protocol protocol);                            // "tcp", as the API spells it
std::optional<Protocol> protocol_of(std::string_view name);

// One port of a container that is reachable by a port of the host.
struct PublishedPort {
    Protocol protocol = Protocol::kTcp;
    // On which of the host's addresses: 0.0.0.0 and :: are all of their family. One of 127.0.0.0/8 or ::1: for programs
    // of the host only.
    Address host_address;
    std::uint16_t host_port = 0;
    // Of the container, in the family of `host_address`; IPv4 behind :: when the container has no IPv6 address, which
    // reaches it from the host's own ::1 only.
    Address container_address;
    std::uint16_t container_port = 0;

    auto operator<=>(const PublishedPort &) const = default;
};

} // namespace ballast::network
