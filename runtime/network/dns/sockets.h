// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::dns {

inline constexpr const char *kResolverAddress = "127.0.0.11"; // in every container's resolv.conf
inline constexpr std::uint32_t kResolver = 0x7f00000b;        // the same

// Where a container's questions arrive. They may outlive the engine: what is asked meanwhile waits in them.
struct Sockets {
    Fd udp, tcp;
    Fd steering; // leads what is sent to port 53 to them: see steering.h
    Fd replies;  // a raw one, send only: answers by UDP come from port 53, which `udp` does not have

    bool complete() const { return udp.is_open() && tcp.is_open() && steering.is_open() && replies.is_open(); }
};

// For port 53 of 127.0.0.11 in that network namespace, and nothing else; the port itself stays free for programs in
// there. A thread that ends with the call makes them. Of `kept`, which are not complete, `udp` and `tcp` are used.
// EADDRINUSE: somebody in there has the port that they have in its place.
Result<Sockets> open_sockets(BorrowedFd network_namespace, Sockets kept = {});

// What stands before `size` bytes that go from the resolver to a client by `replies`: RFC 791 and, without a checksum,
// RFC 768.
using Heading = std::array<std::uint8_t, 28>;
Heading heading_of_reply(const sockaddr_in &client, std::size_t size);

} // namespace ballast::dns
