// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/start_socket.h"

#include <cstdio>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace ballast::container {
namespace {

// By the directory's descriptor: the path of a socket has 107 characters at most, and ours may be longer.
sockaddr_un address_in(const ContainerDir &directory) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/start.sock", directory.fd().get());
    return address;
}

} // namespace

Result<Fd> listen_for_start(const ContainerDir &directory) {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_in(directory);
    if (!socket.is_open() || fchmod(socket.get(), 0600) != 0 || // what bind(2) gives the file
        bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
        listen(socket.get(), 1) != 0) {
        return fail_errno("make " + (directory.path() / "start.sock").string());
    }
    return socket;
}

Result<Fd> connect_to_start(const ContainerDir &directory) {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_in(directory);
    if (!socket.is_open() || connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        return fail_errno("reach the container's waiting process");
    }
    return socket;
}

} // namespace ballast::container
