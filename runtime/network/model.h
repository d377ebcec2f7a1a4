// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/network/address.h"
#include "runtime/network/published_port.h"

// Networks and what containers have of them, as plain data.
namespace ballast::network {

using Texts = std::vector<std::string>;
using Options = std::map<std::string, std::string>;

// One subnet of a network.
struct Pool {
    Subnet subnet;
    std::optional<Subnet> range = {};           // containers get addresses from here; absent: the whole subnet
    std::optional<Address> gateway = {};        // the bridge's own
    std::map<std::string, Address> others = {}; // addresses that are taken, by what they are for (--aux-address)
};

enum class Driver : std::uint8_t { kBridge, kHost, kNull };
const char *driver_name(Driver driver); // "bridge", "host", "null"

struct Network {
    std::string id = {}; // 64 hexadecimal digits
    std::string name = {};
    std::int64_t created_ns = 0; // since 1970
    Driver driver = Driver::kBridge;
    bool internal = false; // no way out, no default route
    bool ipv6 = false;
    bool attachable = false; // told back to clients, without an effect
    Options options = {};    // com.docker.network.*; others are kept
    Options labels = {};
    Options ipam_options = {};
    std::vector<Pool> pools = {}; // at most one of each family, IPv4 first; gateways are filled in

    // The bridge was there before the network: it stays when that goes.
    bool foreign_bridge = false;

    // What is derived of the options.
    std::string bridge = {};               // the interface's name
    bool icc = true;                       // containers may speak with each other
    bool masquerade = true;                // what leaves gets the host's address
    int mtu = 0;                           // 0: 1500
    std::string interface = "eth";         // prefix of the interface's name in containers
    std::optional<Address> port_host = {}; // where ports are published that do not say; absent: not said
    std::optional<Address> source_v4 = {}, source_v6 = {}; // what leaves gets it instead of the interface's address
    bool inhibit_v4 = false; // the bridge has no IPv4 address of ours: somebody else on it is the gateway
    // Where default routes lead when it is not the bridge (default-gateway of the configuration).
    std::optional<Address> router_v4 = {}, router_v6 = {};

    bool predefined() const { return name == "bridge" || name == "host" || name == "none"; }
    const Pool *pool(Family family) const;
};

// What a container has of a network while it runs.
struct Endpoint {
    std::string id = {}; // 64 hexadecimal digits
    std::string network_id = {}, network = {};
    std::string host_interface = {}; // "veth…", in the host's namespace
    std::string interface = {};      // "eth0", in the container's
    std::string mac = {};            // "02:42:ac:11:00:02"
    int mtu = 0;
    std::optional<Subnet> v4 = {}, v6 = {}; // the address and its subnet's prefix
    std::optional<Address> gateway_v4 = {}, gateway_v6 = {};
    int gateway_priority = 0;
};

// The network namespace of a running container, and all in it.
struct Sandbox {
    std::string container_id = {};
    std::vector<Endpoint> endpoints = {}; // in the order of their interfaces
    std::vector<PublishedPort> ports = {};
};

} // namespace ballast::network
