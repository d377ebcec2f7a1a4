// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/result.h"
#include "runtime/network/address_pools.h"
#include "runtime/network/model.h"

// From what a user says about a network to a network: pure but for what is asked through `Surroundings`.
namespace ballast::network {

// Options of the driver "bridge" that mean something here. Others are kept and have no effect.
inline constexpr const char *kBridgeName = "com.docker.network.bridge.name";
inline constexpr const char *kDefaultBridge = "com.docker.network.bridge.default_bridge";
inline constexpr const char *kIcc = "com.docker.network.bridge.enable_icc";
inline constexpr const char *kMasquerade = "com.docker.network.bridge.enable_ip_masquerade";
inline constexpr const char *kHostBinding = "com.docker.network.bridge.host_binding_ipv4";
inline constexpr const char *kMtu = "com.docker.network.driver.mtu";
inline constexpr const char *kInterfacePrefix = "com.docker.network.container_iface_prefix";
inline constexpr const char *kHostIpv4 = "com.docker.network.host_ipv4";
inline constexpr const char *kHostIpv6 = "com.docker.network.host_ipv6";
inline constexpr const char *kInhibitIpv4 = "com.docker.network.bridge.inhibit_ipv4";

struct PoolRequest { // as text, as the API has it; empty: not said
    std::string subnet = {}, range = {}, gateway = {};
    std::map<std::string, std::string> others = {};
};

struct NetworkRequest {
    std::string name = {};
    std::string driver = {}; // empty: bridge
    bool internal = false, ipv6 = false, attachable = false;
    std::string ipam_driver = {}; // empty or "default"
    Options options = {}, labels = {}, ipam_options = {};
    std::vector<PoolRequest> pools = {};
};

struct OccupiedSubnet {
    Subnet subnet;
    std::string holder;    // for messages: "network front", "the host's route by eth0"
    bool is_route = false; // a route through a gateway: what the default pools keep away from, but not a user
};

struct Surroundings {
    std::vector<DefaultPool> pools;
    std::vector<OccupiedSubnet> occupied;
    Options default_options = {}; // of new networks
};

// The network that `request` asks for, with the given id. EINVAL, ENOTSUP, EEXIST (overlap, with whom), ENOSPC.
Result<Network> define(const NetworkRequest &request, const std::string &id, const Surroundings &surroundings);

// Fills in what Network derives of its options. EINVAL names the option.
Status apply_options(Network &network);

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, as Docker has it.
Status check_network_name(const std::string &name);
// What the kernel takes as an interface's name: 1 to 15 bytes without space, '/', ':' and control characters.
bool is_interface_name(const std::string &name);

} // namespace ballast::network
