// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

// Listening sockets that a program makes itself, where none are handed to it.
namespace ballast::http {

// A Unix socket with exactly that mode, and that group when one is given. A socket file that nobody listens on is
// replaced; EADDRINUSE when somebody does, or something else than a socket is there.
Result<Fd> listen_unix(const std::filesystem::path &path, mode_t mode, std::optional<gid_t> group = std::nullopt);

// `address`: IPv4 or IPv6 in numbers. Port 0: any free one.
Result<Fd> listen_tcp(const std::string &address, std::uint16_t port);

// The port that a TCP socket is bound to.
Result<std::uint16_t> port_of(BorrowedFd listener);

} // namespace ballast::http
