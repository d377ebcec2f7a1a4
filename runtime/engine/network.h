// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"
#include "runtime/network/networks.h"

// What a container's settings say about its networks. Pure.
namespace ballast::engine {

// False for the modes "none", "host" and "container:ID": then nothing is reserved for the container.
bool has_own_networks(const std::string &mode);
// The name of the network that the mode asks for: "default" is "bridge".
std::string network_of_mode(const std::string &mode);

// PlanInput::network_namespace for those other modes. `process_of` gives the pid of another, running container.
Result<std::string> shared_network(const HostConfig &host,
                                   const std::function<Result<int>(const std::string &reference)> &process_of);

// -p and -P together. EINVAL with Docker's words.
Result<std::vector<network::PortRequest>> plan_ports(const Config &config, const HostConfig &host);

// Endpoints for all of container.networking, that of its mode first.
std::vector<network::EndpointWish> plan_endpoints(const Snapshot &container);

} // namespace ballast::engine
