// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <sys/socket.h>
#include <thread>

#include "runtime/network/dns/name_servers.h"

namespace ballast::dns {
namespace {

constexpr int kBacklog = 64;

Result<Fd> bound(int type) {
    Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open()) {
        return fail_errno("a socket for the resolver");
    }
    const int yes = 1;
    // The loopback device may not be up yet. SO_REUSEADDR: connections of the resolver before may still be closing.
    if (setsockopt(socket.get(), IPPROTO_IP, IP_FREEBIND, &yes, sizeof yes) != 0 ||
        (type == SOCK_STREAM && setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)) {
        return fail_errno("prepare the resolver's socket");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(kPort);
    (void)inet_pton(AF_INET, kResolverAddress, &address.sin_addr); // a constant
    if (bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        return fail_errno(std::string("take port 53 of ") + kResolverAddress);
    }
    if (type == SOCK_STREAM && listen(socket.get(), kBacklog) != 0) {
        return fail_errno("listen for name look-ups");
    }
    return socket;
}

Result<Sockets> open_in(BorrowedFd network_namespace) {
    if (setns(network_namespace.get(), CLONE_NEWNET) != 0) {
        return fail_errno("enter the container's network namespace");
    }
    Sockets sockets;
    sockets.udp = TRY(bound(SOCK_DGRAM));
    sockets.tcp = TRY(bound(SOCK_STREAM));
    return sockets;
}

} // namespace

Result<Sockets> open_sockets(BorrowedFd network_namespace) {
    Result<Sockets> sockets = fail(EIO, "the resolver's sockets were not made");
    std::thread([&] { sockets = open_in(network_namespace); }).join(); // only that thread is in there
    return sockets;
}

} // namespace ballast::dns
