// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "runtime/network/namespace.h"
#include "runtime/network/state.h"

namespace ballast::network {
namespace {

constexpr int kDefaultMtu = 1500;

// The same each time that the bridge is made: neighbours that know it need not ask again.
std::string mac_of(const Network &network) {
    const std::string digest = sha256("ballast bridge " + network.id);
    return "02:42:" + digest.substr(0, 2) + ":" + digest.substr(2, 2) + ":" + digest.substr(4, 2) + ":" +
           digest.substr(6, 2);
}

// No router's word counts that comes from a container; without IPv6 there is no link-local address to reach us by.
Status set_bridge_sysctls(const Network &network) {
    const std::string place = "ipv6/conf/" + network.bridge + "/";
    const bool v6 = network.pool(Family::kV6) != nullptr;
    for (const auto &[name, value] : {std::pair("accept_ra", "0"), {"disable_ipv6", v6 ? "0" : "1"}}) {
        if (const Status set = write_network_sysctl(place + name, value); !set && set.error().code != ENOENT) {
            return set;
        }
    }
    return {};
}

bool is_link_local(const Subnet &subnet) {
    return subnet.family() == Family::kV6 && subnet.address.bytes[0] == 0xfe &&
           (subnet.address.bytes[1] & 0xc0U) == 0x80;
}

Status set_addresses(Netlink &host, const Network &network, unsigned index) {
    const std::vector<Subnet> present = TRY(host.addresses(index));
    NetlinkChanges changes;
    std::vector<Subnet> wanted;
    for (const Pool &pool : network.pools) {
        if (network.inhibit_v4 && pool.subnet.family() == Family::kV4) {
            continue;
        }
        wanted.push_back({.address = pool.gateway.value_or(pool.subnet.base()), .prefix = pool.subnet.prefix});
    }
    if (network.pool(Family::kV6) != nullptr) {
        // The kernel asks for neighbours on behalf of others by its link-local address alone, and one of its own choice
        // is of no use while it waits for duplicates.
        wanted.push_back(*Subnet::parse("fe80::1/64"));
    }
    for (const Subnet &one : present) {
        if (network.inhibit_v4 && one.family() == Family::kV4) {
            continue; // of whoever is the gateway
        }
        if (!network.foreign_bridge && !std::ranges::contains(wanted, one) && !is_link_local(one)) {
            changes.delete_address(index, one);
        }
    }
    for (const Subnet &one : wanted) {
        if (!std::ranges::contains(present, one)) {
            changes.add_address(index, one);
        }
    }
    return host.apply(changes);
}

} // namespace

Result<unsigned> Networks::State::realize(Netlink &host, const std::string &network_id) {
    Network network;
    std::vector<Endpoint> endpoints;
    {
        const std::scoped_lock lock(mutex);
        const auto found = networks.find(network_id);
        if (found == networks.end() || found->second.driver != Driver::kBridge) {
            return fail(ENOENT, "network " + network_id + " not found");
        }
        network = found->second;
        for (const auto &[id, entry] : sandboxes) {
            std::ranges::copy_if(entry.data.endpoints, std::back_inserter(endpoints),
                                 [&](const Endpoint &one) { return one.network_id == network_id; });
        }
    }
    const std::string what = "bridge " + network.bridge + " of network " + network.name;
    std::optional<Link> link = TRY(host.link(network.bridge));
    if (link && link->kind != "bridge") {
        return fail(EEXIST, what + ": there is an interface of this name that is no bridge");
    }
    if (!link && network.foreign_bridge && network.name == "bridge") {
        return fail(ENODEV, what + " is not there: it is the configuration's own, make it or change the configuration");
    }
    const bool fresh = !link;
    if (fresh) {
        NetlinkChanges changes;
        changes.add_bridge(network.bridge, mac_of(network), network.mtu == 0 ? kDefaultMtu : network.mtu);
        TRY(host.apply(changes));
        link = TRY(host.link(network.bridge));
    }
    if (!link) {
        return fail(ENODEV, what + ": was taken away at this moment");
    }
    if (network.foreign_bridge && network.name == "bridge") {
        return link->index; // as the operator has it
    }
    if (fresh || !network.foreign_bridge) {
        TRY(set_bridge_sysctls(network));
    }
    TRY(set_addresses(host, network, link->index).within(what));
    NetlinkChanges changes;
    if (!link->up) {
        changes.set_up(link->index);
    }
    for (const Endpoint &endpoint : endpoints) {
        const std::optional<Link> port = TRY(host.link(endpoint.host_interface));
        if (port && port->master != link->index) {
            changes.set_master(endpoint.host_interface, link->index);
            changes.set_port(endpoint.host_interface, !network.icc, true);
        }
    }
    TRY(host.apply(changes).within(what));
    return link->index;
}

Status Networks::State::enable_forwarding(bool ipv6) {
    for (const char *name : {"ipv4/ip_forward", "ipv6/conf/all/forwarding"}) {
        const bool v6 = std::string_view(name).starts_with("ipv6");
        if (!settings.forwarding || (v6 && !ipv6) || read_network_sysctl(name).value_or("1") != "0") {
            continue;
        }
        // First the note: who else forwards must be known even when we are killed now.
        TRY(write_file(settings.run_root / "network" / "forwarding", "on\n", 0600));
        TRY(write_network_sysctl(name, "1"));
    }
    return {};
}

FirewallPlan Networks::State::firewall_plan() const {
    FirewallPlan plan{.networks = {},
                      .ports = {},
                      .ipv4 = settings.filter_v4,
                      .ipv6 = settings.filter_v6,
                      .guard_forwarding = access((settings.run_root / "network" / "forwarding").c_str(), F_OK) == 0};
    const std::scoped_lock lock(mutex);
    for (const auto &[id, network] : networks) {
        if (network.driver == Driver::kBridge) {
            plan.networks.push_back(network);
        }
    }
    for (const auto &[id, entry] : sandboxes) {
        plan.ports.insert(plan.ports.end(), entry.data.ports.begin(), entry.data.ports.end());
    }
    return plan;
}

Status Networks::State::replace_table() {
    if (!nftables) {
        nftables = TRY(Nftables::open());
    }
    return nftables->run(firewall_commands(firewall_plan()));
}

Status Networks::State::publish(const std::vector<PublishedPort> &published) {
    const FirewallPlan families{.ipv4 = settings.filter_v4, .ipv6 = settings.filter_v6};
    const std::string commands = add_commands(published, families);
    // A table that was lost or has other elements than we think is replaced as a whole.
    return commands.empty() || (nftables && nftables->run(commands)) ? Status() : replace_table();
}

Status Networks::State::unpublish(const std::vector<PublishedPort> &published) {
    const FirewallPlan families{.ipv4 = settings.filter_v4, .ipv6 = settings.filter_v6};
    const std::string commands = remove_commands(published, families);
    return commands.empty() || (nftables && nftables->run(commands)) ? Status() : replace_table();
}

} // namespace ballast::network
