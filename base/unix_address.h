// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <sys/un.h>

namespace ballast {

// The address of a socket in the file system, unix(7). Nothing when the path has more than the 107 bytes that an
// address has room for: never another, shorter path.
std::optional<sockaddr_un> unix_address(std::string_view path);

} // namespace ballast
