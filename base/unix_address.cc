// SPDX-License-Identifier: Apache-2.0
#include "base/unix_address.h"

#include <cstring>
#include <sys/socket.h>

namespace ballast {

std::optional<sockaddr_un> unix_address(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return std::nullopt;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

} // namespace ballast
