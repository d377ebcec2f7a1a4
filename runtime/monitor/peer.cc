// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/peer.h"

namespace ballast::monitor {

std::string docker_header(Role stream, std::size_t size) {
    std::string header(4, '\0');
    header[0] = stream == Role::kErrors ? '\2' : '\1';
    for (int i = 3; i >= 0; --i) {
        header += static_cast<char>(size >> (8 * i));
    }
    return header;
}

} // namespace ballast::monitor
