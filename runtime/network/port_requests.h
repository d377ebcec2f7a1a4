// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/network/published_port.h"

// `-p` and `-P`, read. Pure.
namespace ballast::network {

struct PortRequest {
    Protocol protocol = Protocol::kTcp;
    std::uint16_t container_port = 0;
    std::optional<Address> host_address = {};              // absent: where the network or the engine publishes ports
    std::uint16_t first_host_port = 0, last_host_port = 0; // one of these; both 0: any that is free
};

// "80/tcp", "80", "8000-8010/udp" as its single ports: EINVAL "invalid containerPort: X".
struct ContainerPorts {
    Protocol protocol = Protocol::kTcp;
    std::uint16_t first = 0, last = 0;
};
Result<ContainerPorts> parse_container_ports(std::string_view text);

// One binding of the API: a container's port and {"HostIp", "HostPort"}.
Result<PortRequest> parse_binding(const ContainerPorts &port, const std::string &host_ip, const std::string &host_port);

} // namespace ballast::network
