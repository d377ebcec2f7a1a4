// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <linux/bpf.h>
#include <span>
#include <vector>

#include "runtime/bpf/program.h"
#include "runtime/network/published_port.h"

// Programs that lead connections of the host's own programs to 127.0.0.1, ::1 and the like to the containers that
// publish the port, before a packet is made: nothing of the host's loopback is ever on a wire, and no process copies
// bytes. They act in one network namespace, the host's. Pure.
//
// Two maps tell them what to do: `ports`, from what is connected to to where it goes, and `flows`, per socket and
// container, what the program that owns the socket believes it speaks with.
namespace ballast::network::loopback {

// Addresses have 16 bytes, IPv4 in its IPv6-mapped form. Ports are in network order in the first two of four bytes.
struct Destination {
    std::array<std::uint8_t, 16> address{};
    std::uint32_t port = 0;
    auto operator<=>(const Destination &) const = default;
};
struct PortKey { // in `ports`; an address whose last four bytes are 0: every loopback address of the family
    Destination destination;
    std::uint32_t protocol = 0;
    auto operator<=>(const PortKey &) const = default;
};
struct FlowKey { // in `flows`, to the Destination before
    std::uint64_t socket_cookie = 0;
    Destination destination;
    std::uint32_t protocol = 0;
};

struct Entry {
    PortKey key;
    Destination destination;
    auto operator<=>(const Entry &) const = default;
};
// What of `ports` the host's programs reach by loopback addresses: TCP and UDP, published on all addresses or on one of
// the loopback device's. Sorted; the first of several for one key.
std::vector<Entry> entries_of(std::span<const PublishedPort> ports);

struct Hook {
    bpf::ProgramKind kind;
    bool v6 = false, rewrites = false; // otherwise it restores
    bool mapped = true;                // the kernel lets an IPv6 socket go on by IPv4 from here
};
std::span<const Hook> hooks();

// `ports` and `flows` are the maps' descriptors.
std::vector<bpf_insn> program_of(const Hook &hook, std::uint64_t namespace_cookie, int ports, int flows);

} // namespace ballast::network::loopback
