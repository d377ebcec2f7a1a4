// SPDX-License-Identifier: Apache-2.0
#include "base/http/peer.h"

#include <array>
#include <format>
#include <netdb.h>
#include <sys/socket.h>

namespace ballast::http {

Peer peer_of(BorrowedFd socket) {
    Peer peer;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getpeername(socket.get(), reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        return peer;
    }
    if (address.ss_family == AF_UNIX) {
        ucred credentials{};
        socklen_t length = sizeof credentials;
        if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
            peer.local = true;
            peer.uid = credentials.uid;
            peer.gid = credentials.gid;
            peer.pid = credentials.pid;
        }
        return peer;
    }
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (getnameinfo(reinterpret_cast<sockaddr *>(&address), size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        peer.address = std::format("{}:{}", host.data(), port.data());
    }
    return peer;
}

} // namespace ballast::http
