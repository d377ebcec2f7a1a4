// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// Listening sockets that a program makes itself, where none are handed to it.
namespace ballast::http {

// A Unix socket with exactly that mode, and that group when one is given. A socket file that nobody listens on is
// replaced; EADDRINUSE when somebody does, or something else than a socket is there.
Result<Fd> listen_unix(const std::filesystem::path &path, mode_t mode, std::optional<gid_t> group = std::nullopt);

// As bind(2) and connect(2) want it. `address`: IPv4 or IPv6 in numbers; EINVAL for others.
struct TcpAddress {
    sockaddr_storage bytes{};
    socklen_t size = 0;
};
Result<TcpAddress> tcp_address(const std::string &address, std::uint16_t port);

// `address`: IPv4 or IPv6 in numbers. Port 0: any free one.
Result<Fd> listen_tcp(const std::string &address, std::uint16_t port);

// Before they are polled: between poll(2) and accept(2) a client may go, and accept would wait for the next one.
Status make_nonblocking(const std::vector<Fd> &listeners);

// The port that a TCP socket is bound to.
Result<std::uint16_t> port_of(BorrowedFd listener);

} // namespace ballast::http
