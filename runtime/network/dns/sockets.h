// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace ballast::dns {

inline constexpr const char *kResolverAddress = "127.0.0.11"; // in every container's resolv.conf

// Where a container's questions arrive. They may outlive the engine: what is asked meanwhile waits in them.
struct Sockets {
    Fd udp, tcp;
};

// Port 53 of 127.0.0.11 in that network namespace, and of nothing else. A thread that ends with the call makes them.
// EADDRINUSE: somebody in there has it.
Result<Sockets> open_sockets(BorrowedFd network_namespace);

} // namespace ballast::dns
