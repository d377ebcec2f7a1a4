// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include "base/file_stamp.h"

namespace ballast::dns {

inline constexpr std::uint16_t kPort = 53;

struct NameServer {
    sockaddr_storage address{};
    socklen_t size = 0;
};

// "10.0.0.53", "fd00::53" or "fe80::1%eth0"; nothing for all else, and for an interface that is not there.
std::optional<NameServer> name_server(std::string_view text, std::uint16_t port = kPort);

// The host's, from its resolv.conf: read again when the file is another one, looked at once a second at most. Without
// any it is the host itself, as the C library has it.
class HostServers {
  public:
    explicit HostServers(std::filesystem::path file) : file_(std::move(file)) {}
    const std::vector<NameServer> &get();

  private:
    std::filesystem::path file_;
    std::chrono::steady_clock::time_point look_at_{};
    FileStamp seen_{};
    std::vector<NameServer> servers_;
};

} // namespace ballast::dns
