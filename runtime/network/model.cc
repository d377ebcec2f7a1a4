// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/model.h"

#include <algorithm>

namespace ballast::network {

const char *protocol_name(Protocol protocol) {
    switch (protocol) {
    case Protocol::kTcp:
        return "tcp";
    case Protocol::kUdp:
        return "udp";
    case Protocol::kSctp:
        return "sctp";
    }
    return "";
}

std::optional<Protocol> protocol_of(std::string_view name) {
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
        if (name == protocol_name(protocol)) {
            return protocol;
        }
    }
    return std::nullopt;
}

const char *driver_name(Driver driver) {
    switch (driver) {
    case Driver::kBridge:
        return "bridge";
    case Driver::kHost:
        return "host";
    case Driver::kNull:
        return "null";
    }
    return "";
}

const Pool *Network::pool(Family family) const {
    const auto found = std::ranges::find_if(pools, [family](const Pool &one) { return one.subnet.family() == family; });
    return found == pools.end() ? nullptr : &*found;
}

} // namespace ballast::network
