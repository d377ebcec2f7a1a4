// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "updater/health/baseline.h"

namespace ballast::updater::health {

// Names of the interfaces that default routes lead over: /proc/net/route and /proc/net/ipv6_route.
std::vector<std::string> ipv4_default_routes(std::string_view table);
std::vector<std::string> ipv6_default_routes(std::string_view table);

// The interfaces by which this machine is reached: hardware, and what carries a default route; not the bridges and
// pairs of containers. Sorted by name.
Result<std::vector<Interface>> network_interfaces();

} // namespace ballast::updater::health
