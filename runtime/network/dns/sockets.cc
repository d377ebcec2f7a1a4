// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/sockets.h"

#include <bit>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <string>
#include <sys/socket.h>
#include <thread>

#include "runtime/network/dns/name_servers.h"
#include "runtime/network/dns/steering.h"

namespace ballast::dns {
namespace {

constexpr int kBacklog = 64;
constexpr std::uint16_t kOwnPort = 1; // in place of 53: tcpmux, which nobody runs, and no port of those given by chance

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
    address.sin_port = htons(kOwnPort);
    address.sin_addr.s_addr = htonl(kResolver);
    if (bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        return fail_errno("take port " + std::to_string(kOwnPort) + " of " + kResolverAddress);
    }
    if (type == SOCK_STREAM && listen(socket.get(), kBacklog) != 0) {
        return fail_errno("listen for name look-ups");
    }
    return socket;
}

Result<Sockets> open_in(BorrowedFd network_namespace, Sockets sockets) {
    if (setns(network_namespace.get(), CLONE_NEWNET) != 0) {
        return fail_errno("enter the container's network namespace");
    }
    if (!sockets.udp.is_open()) {
        sockets.udp = TRY(bound(SOCK_DGRAM));
    }
    if (!sockets.tcp.is_open()) {
        sockets.tcp = TRY(bound(SOCK_STREAM));
    }
    sockets.replies = Fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW));
    if (!sockets.replies.is_open()) {
        return fail_errno("a socket for the resolver's answers");
    }
    sockets.steering = TRY(steer_questions(network_namespace, sockets.udp, sockets.tcp));
    return sockets;
}

} // namespace

Result<Sockets> open_sockets(BorrowedFd network_namespace, Sockets kept) {
    Result<Sockets> sockets = fail(EIO, "the resolver's sockets were not made");
    std::thread([&] { sockets = open_in(network_namespace, std::move(kept)); }).join(); // only that thread is in there
    return sockets;
}

Heading heading_of_reply(const sockaddr_in &client, std::size_t size) {
    struct Both {
        iphdr ip;
        udphdr udp;
    } both{};
    static_assert(sizeof both == sizeof(Heading));
    both.ip.version = IPVERSION;
    both.ip.ihl = sizeof(iphdr) / sizeof(std::uint32_t); // its length, identification and checksum are the kernel's
    both.ip.ttl = IPDEFTTL;
    both.ip.protocol = IPPROTO_UDP;
    both.ip.saddr = htonl(kResolver);
    both.ip.daddr = client.sin_addr.s_addr;
    both.udp.source = htons(kPort);
    both.udp.dest = client.sin_port;
    both.udp.len = htons(static_cast<std::uint16_t>(sizeof(udphdr) + size));
    return std::bit_cast<Heading>(both);
}

} // namespace ballast::dns
