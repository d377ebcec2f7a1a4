// SPDX-License-Identifier: Apache-2.0
#include "base/http/listener.h"

#include <arpa/inet.h>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/rollback.h"
#include "base/unix_address.h"

namespace ballast::http {
namespace {

constexpr int kBacklog = 512;

Result<sockaddr_un> address_of(const std::filesystem::path &path) {
    const auto address = unix_address(path.native());
    if (!address) {
        return fail(ENAMETOOLONG, "socket " + path.string() + ": the path is longer than " +
                                      std::to_string(sizeof address->sun_path - 1) + " bytes");
    }
    return *address;
}

// A socket file outlives its server; only a refused connection says that nobody is there.
Status remove_stale(const std::filesystem::path &path, const sockaddr_un &address) {
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0) {
        return {};
    }
    if (!S_ISSOCK(status.st_mode)) {
        return fail(EADDRINUSE, "socket " + path.string() + ": something else is in its place");
    }
    const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(probe.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0 ||
        errno != ECONNREFUSED) {
        return fail(EADDRINUSE, "socket " + path.string() + ": another program listens on it");
    }
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
        return fail_errno("remove " + path.string());
    }
    return {};
}

} // namespace

Result<TcpAddress> tcp_address(const std::string &address, std::uint16_t port) {
    TcpAddress result;
    auto *four = reinterpret_cast<sockaddr_in *>(&result.bytes);
    auto *six = reinterpret_cast<sockaddr_in6 *>(&result.bytes);
    if (inet_pton(AF_INET, address.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        result.size = sizeof *four;
    } else if (inet_pton(AF_INET6, address.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        result.size = sizeof *six;
    } else {
        return fail(EINVAL, "\"" + address + "\" is not an IP address");
    }
    return result;
}

Result<Fd> listen_unix(const std::filesystem::path &path, mode_t mode, std::optional<gid_t> group) {
    const sockaddr_un address = TRY(address_of(path));
    TRY(remove_stale(path, address));
    Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Between bind and chmod nobody can connect: it does not listen yet.
    if (!listener.is_open() ||
        bind(listener.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        return fail_errno("socket " + path.string());
    }
    Rollback rollback;
    rollback.add([&] { (void)unlink(path.c_str()); }); // there is nothing to do about one that stays
    if (group && chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
        return fail_errno("give " + path.string() + " to its group");
    }
    if (chmod(path.c_str(), mode) != 0) {
        return fail_errno("chmod " + path.string());
    }
    if (listen(listener.get(), kBacklog) != 0) {
        return fail_errno("listen on " + path.string());
    }
    rollback.commit();
    return listener;
}

Result<Fd> listen_tcp(const std::string &address, std::uint16_t port) {
    const TcpAddress wanted = TRY(tcp_address(address, port));
    const std::string name = "listen on " + address + " port " + std::to_string(port);
    Fd listener(socket(wanted.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    if (!listener.is_open() || setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(listener.get(), reinterpret_cast<const sockaddr *>(&wanted.bytes), wanted.size) != 0 ||
        listen(listener.get(), kBacklog) != 0) {
        return fail_errno(name);
    }
    return listener;
}

Status make_nonblocking(const std::vector<Fd> &listeners) {
    for (const Fd &listener : listeners) {
        const int flags = fcntl(listener.get(), F_GETFL);
        if (flags < 0 || fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
            return fail_errno("fcntl a listening socket");
        }
    }
    return {};
}

Result<std::uint16_t> port_of(BorrowedFd listener) {
    sockaddr_storage bytes{};
    socklen_t size = sizeof bytes;
    if (getsockname(listener.get(), reinterpret_cast<sockaddr *>(&bytes), &size) != 0) {
        return fail_errno("getsockname");
    }
    if (bytes.ss_family == AF_INET) {
        return ntohs(reinterpret_cast<const sockaddr_in *>(&bytes)->sin_port);
    }
    if (bytes.ss_family == AF_INET6) {
        return ntohs(reinterpret_cast<const sockaddr_in6 *>(&bytes)->sin6_port);
    }
    return fail(EINVAL, "not a TCP socket");
}

} // namespace ballast::http
