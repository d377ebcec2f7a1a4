// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/network/model.h"
#include "runtime/network/nftables.h"

// What nftables has to do for the networks: one table, `inet ballast`. What is the same for all networks stands in
// rules, once; what differs, in sets and maps. So a container that starts changes no rule, and adds elements only for
// the ports that it publishes.
namespace ballast::network {

inline constexpr const char *kTable = "ballast";

struct FirewallPlan {
    std::vector<Network> networks = {}; // those with a bridge
    std::vector<PublishedPort> ports = {};
    bool ipv4 = true, ipv6 = true; // false: nothing is filtered, translated or published in this family
    // We have switched on the host's forwarding: what arrives by hardware and would leave by hardware is dropped, as
    // it was before.
    bool guard_forwarding = false;
};

// The commands that replace the whole table, in one transaction. Pure.
std::string firewall_commands(const FirewallPlan &plan);
// The commands that add or take away the elements of some ports; empty when there are none. Ports on loopback
// addresses have none: those are the host's own business.
std::string add_commands(const std::vector<PublishedPort> &ports, const FirewallPlan &plan);
std::string remove_commands(const std::vector<PublishedPort> &ports, const FirewallPlan &plan);

} // namespace ballast::network
