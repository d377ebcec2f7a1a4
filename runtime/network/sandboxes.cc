// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/rollback.h"
#include "runtime/network/mac_address.h"
#include "runtime/network/namespace.h"
#include "runtime/network/record.h"
#include "runtime/network/state.h"

namespace ballast::network {
namespace {

constexpr int kDefaultMtu = 1500;
constexpr unsigned kLoopback = 1; // the index of lo in every namespace

std::string mac_for(const std::optional<Subnet> &v4, const std::string &random) {
    if (v4) { // as everywhere where Docker runs: the same address has the same MAC address
        return "02:42:" + mac_text(v4->address.raw());
    }
    return "02:42:" + random.substr(0, 2) + ":" + random.substr(2, 2) + ":" + random.substr(4, 2) + ":" +
           random.substr(6, 2);
}

std::string free_interface(const Sandbox &sandbox, const std::string &prefix) {
    for (int number = 0;; number++) {
        std::string name = prefix + std::to_string(number);
        if (std::ranges::none_of(sandbox.endpoints, [&](const Endpoint &one) { return one.interface == name; })) {
            return name;
        }
    }
}

Status check_fixed(const Network &network, const std::string &text, Family family, std::optional<Address> &address) {
    if (text.empty()) {
        return {};
    }
    address = Address::parse(text);
    if (!address || address->family != family) {
        return fail(EINVAL, "invalid address " + quote(text.substr(0, 100)) + " for a container");
    }
    if (network.name == "bridge") {
        return fail(EINVAL, "user specified IP address is supported on user defined networks only");
    }
    if (network.pool(family) == nullptr) {
        return fail(EINVAL, "network " + network.name + " has no subnet that " + text + " could belong to");
    }
    return {};
}

// Only by hand: the engine makes it again when it starts.
std::unexpected<Error> interface_gone(const Endpoint &endpoint) {
    return fail(ENODEV, "interface " + endpoint.interface + " of the container in network " + endpoint.network +
                            " is gone: disconnect it from that network and connect it again, or restart it");
}

// The default routes of all interfaces together, in the namespace that `own` is in. `fresh`: there were none before.
Status set_default_routes(Netlink &own, const Sandbox &sandbox, bool fresh, NetlinkChanges changes = {}) {
    for (const Family family : {Family::kV4, Family::kV6}) {
        const Endpoint *endpoint = gateway_endpoint(sandbox, family);
        if (endpoint == nullptr) {
            if (!fresh) {
                changes.delete_default_route(family);
            }
            continue;
        }
        const std::optional<Link> link = TRY(own.link(endpoint->interface));
        if (!link) {
            return interface_gone(*endpoint);
        }
        changes.set_default_route(link->index, *(family == Family::kV4 ? endpoint->gateway_v4 : endpoint->gateway_v6));
    }
    return own.apply(changes);
}

// Before the interface is made: what is not to speak IPv6 never does.
Status set_ipv6_of_next(bool on) {
    for (const auto &[name, value] : {std::pair("disable_ipv6", on ? "0" : "1"), {"accept_ra", "0"}}) {
        const Status set = write_network_sysctl(std::string("ipv6/conf/default/") + name, value);
        if (!set && set.error().code != ENOENT) { // a kernel without IPv6
            return set;
        }
    }
    return {};
}

Status add_addresses(Netlink &own, const Endpoint &endpoint, NetlinkChanges &changes) {
    const std::optional<Link> link = TRY(own.link(endpoint.interface));
    if (!link) {
        return interface_gone(endpoint);
    }
    changes.set_up(link->index);
    for (const std::optional<Subnet> &address : {endpoint.v4, endpoint.v6}) {
        if (address) {
            changes.add_address(link->index, *address);
        }
    }
    return {};
}

} // namespace

const Endpoint *gateway_endpoint(const Sandbox &sandbox, Family family) {
    const Endpoint *best = nullptr;
    for (const Endpoint &one : sandbox.endpoints) {
        const bool leads_out = family == Family::kV4 ? one.gateway_v4.has_value() : one.gateway_v6.has_value();
        const bool better = best == nullptr || one.gateway_priority > best->gateway_priority ||
                            (one.gateway_priority == best->gateway_priority && one.network < best->network);
        if (leads_out && better) {
            best = &one;
        }
    }
    return best;
}

Status Networks::State::save(const Sandbox &sandbox) const {
    return replace_file(sandbox_file(sandbox.container_id), record_text(sandbox), 0600);
}

Result<Endpoint> Networks::State::lease(const Network &network, const EndpointWish &wish) {
    if (network.driver != Driver::kBridge) {
        return fail(EINVAL, "network " + network.name + " cannot be combined with others");
    }
    if (network.pools.empty()) {
        return fail(ENODEV, "bridge " + network.bridge + " of network " + network.name +
                                " is not there or has no address: it is the configuration's own");
    }
    std::optional<Address> v4, v6;
    TRY(check_fixed(network, wish.v4, Family::kV4, v4));
    TRY(check_fixed(network, wish.v6, Family::kV6, v6));
    if (!wish.mac.empty() && !mac_bytes(wish.mac)) {
        return fail(EINVAL, "invalid MAC address " + quote(wish.mac.substr(0, 100)));
    }
    Endpoint endpoint;
    endpoint.id = random_id();
    endpoint.network_id = network.id;
    endpoint.network = network.name;
    endpoint.host_interface = "veth" + random_id().substr(0, 7);
    endpoint.mtu = network.mtu == 0 ? kDefaultMtu : network.mtu;
    endpoint.gateway_priority = wish.gateway_priority;
    Leases &taken = leases.at(network.id);
    for (const Pool &pool : network.pools) {
        const Family family = pool.subnet.family();
        const std::optional<Address> &fixed = family == Family::kV4 ? v4 : v6;
        Result<Address> got = fixed ? *fixed : taken.take_any(family, endpoint.id);
        const Status taking = fixed ? taken.take(*fixed, endpoint.id) : Status();
        if (!got || !taking) {
            give_back(endpoint);
            return std::unexpected(got ? taking.error() : got.error());
        }
        const bool is_v4 = family == Family::kV4;
        (is_v4 ? endpoint.v4 : endpoint.v6) = Subnet{.address = *got, .prefix = pool.subnet.prefix};
        if (!network.internal) {
            const std::optional<Address> &router = is_v4 ? network.router_v4 : network.router_v6;
            (is_v4 ? endpoint.gateway_v4 : endpoint.gateway_v6) = router ? router : pool.gateway;
        }
    }
    endpoint.mac = wish.mac.empty() ? mac_for(endpoint.v4, endpoint.id) : mac_text(*mac_bytes(wish.mac));
    return endpoint;
}

// Addresses of interfaces that are on their way out count as taken, until nothing else helps.
Result<Endpoint> Networks::State::lease_waiting(const EndpointWish &wish, std::unique_lock<std::mutex> &lock) {
    Result<Endpoint> endpoint = lease(*TRY(find(wish.network)), wish);
    if (!endpoint && (endpoint.error().code == ENOSPC || endpoint.error().code == EADDRINUSE)) {
        drain(lock);
        endpoint = lease(*TRY(find(wish.network)), wish);
    }
    return endpoint;
}

void Networks::State::give_back(const Endpoint &endpoint) {
    const auto found = leases.find(endpoint.network_id);
    for (const std::optional<Subnet> &one : {endpoint.v4, endpoint.v6}) {
        if (one && found != leases.end()) {
            found->second.give_back(one->address, endpoint.id);
        }
    }
}

Result<std::vector<PublishedPort>> Networks::State::hold_ports(const Sandbox &sandbox, const std::string &name,
                                                               const std::vector<PortRequest> &requests) {
    PortTargets targets;
    const Endpoint *v4 = gateway_endpoint(sandbox, Family::kV4), *v6 = gateway_endpoint(sandbox, Family::kV6);
    for (const Endpoint *endpoint : {v6, v4}) {
        const auto network = endpoint == nullptr ? networks.end() : networks.find(endpoint->network_id);
        if (network != networks.end() && network->second.port_host) {
            targets.host = network->second.port_host;
        }
    }
    if (!targets.host && settings.port_host && !settings.port_host->is_any()) {
        targets.host = settings.port_host;
    }
    if (v4 != nullptr) {
        targets.v4 = v4->v4->address;
    }
    if (v6 != nullptr) {
        targets.v6 = v6->v6->address;
    }
    return ports.hold(sandbox.container_id, name, requests, targets);
}

Result<Sandbox> Networks::reserve(const SandboxWish &wish) {
    State &state = *state_;
    Sandbox sandbox{.container_id = wish.container_id, .endpoints = {}, .ports = {}};
    {
        std::unique_lock lock(state.mutex);
        Rollback rollback;
        rollback.add([&] {
            for (const Endpoint &endpoint : sandbox.endpoints) {
                state.give_back(endpoint);
            }
            state.ports.release(wish.container_id);
        });
        for (const EndpointWish &one : wish.endpoints) {
            Endpoint endpoint = TRY(state.lease_waiting(one, lock));
            endpoint.interface = free_interface(sandbox, TRY(state.find(one.network))->interface);
            sandbox.endpoints.push_back(std::move(endpoint));
        }
        sandbox.ports = TRY(state.hold_ports(sandbox, wish.container_name, wish.ports));
        TRY(state.save(sandbox));
        rollback.commit();
        state.sandboxes[wish.container_id] = {.data = sandbox, .name = wish.container_name};
    }
    return sandbox;
}

Status Networks::State::add_interface(Netlink &host, const Endpoint &endpoint, bool published,
                                      BorrowedFd network_namespace) {
    Network network;
    {
        const std::scoped_lock lock(mutex);
        network = *TRY(find(endpoint.network_id));
    }
    // A container with published ports may ask itself by the host's address. Where the kernel hands bridged packets to
    // nftables (br_netfilter), that makes a frame which has to go back where it came from.
    VethSpec veth{.host_name = endpoint.host_interface,
                  .mtu = endpoint.mtu,
                  .container_namespace = network_namespace.get(),
                  .container_name = endpoint.interface,
                  .mac = endpoint.mac,
                  .isolated = !network.icc,
                  .hairpin = published};
    const std::optional<Link> bridge = TRY(host.link(network.bridge));
    veth.bridge = bridge ? bridge->index : 0;
    if (!bridge) {
        const std::scoped_lock lock(kernel);
        veth.bridge = TRY(realize(host, network.id)); // somebody took it away
    }
    NetlinkChanges changes;
    changes.add_veth(veth);
    return host.apply(changes).within("network " + network.name);
}

Status Networks::State::furnish(Netlink &host, const Sandbox &sandbox, const std::vector<Endpoint> &endpoints,
                                bool published, BorrowedFd network_namespace) {
    Netlink own = TRY(Netlink::open());
    NetlinkChanges changes;
    changes.set_up(kLoopback);
    for (const Endpoint &endpoint : endpoints) {
        TRY(set_ipv6_of_next(endpoint.v6.has_value()));
        TRY(add_interface(host, endpoint, published, network_namespace));
        TRY(add_addresses(own, endpoint, changes));
    }
    TRY(set_default_routes(own, sandbox, true, changes));
    for (const Endpoint &endpoint : endpoints) {
        // Asking brings the state of the port up to date, and then that of a bridge without one before: no packet is
        // lost.
        TRY(host.link(endpoint.host_interface));
        TRY(host.link(bridge_name(endpoint.network_id)));
    }
    return {};
}

Status Networks::build(const std::string &container_id, BorrowedFd user_namespace) {
    State &state = *state_;
    const std::optional<Sandbox> sandbox = this->sandbox(container_id);
    if (!sandbox) {
        return fail(ENOENT, "container " + container_id + " has no networks");
    }
    Netlink host = TRY(Netlink::open()); // of our namespace, whoever uses it
    const auto furnish = [&](BorrowedFd own_namespace) {
        return state.furnish(host, *sandbox, sandbox->endpoints, !sandbox->ports.empty(), own_namespace);
    };
    TRY(make_namespace(namespace_file(container_id), furnish, user_namespace));
    if (sandbox->ports.empty()) {
        return {};
    }
    const std::scoped_lock lock(state.kernel);
    return state.publish(sandbox->ports);
}

// The ports lead to whoever has the default route now.
Status Networks::State::republish(Sandbox &sandbox, const std::vector<PortRequest> &requests) {
    std::vector<PublishedPort> before = sandbox.ports, after;
    const Endpoint *v4 = gateway_endpoint(sandbox, Family::kV4), *v6 = gateway_endpoint(sandbox, Family::kV6);
    const std::scoped_lock changing(kernel);
    {
        const std::scoped_lock lock(mutex);
        if (before.empty() && !requests.empty()) {
            after = TRY(hold_ports(sandbox, sandbox.container_id.substr(0, 12), requests));
        }
        for (PublishedPort port : before) {
            const bool to_v6 = port.host_address.family == Family::kV6 && v6 != nullptr;
            const Endpoint *target = to_v6 ? v6 : v4;
            if (target != nullptr) {
                port.container_address = to_v6 ? v6->v6->address : v4->v4->address;
                after.push_back(port);
            }
        }
        sandbox.ports = after;
        TRY(save(sandbox));
        const auto found = sandboxes.find(sandbox.container_id);
        found->second.data = sandbox;
        if (after.empty()) {
            ports.release(sandbox.container_id);
        }
    }
    if (before == after) {
        return {};
    }
    TRY(unpublish(before));
    return publish(after);
}

Result<Sandbox> Networks::connect(const std::string &container_id, const EndpointWish &wish,
                                  const std::vector<PortRequest> &ports) {
    State &state = *state_;
    Sandbox sandbox;
    Endpoint endpoint;
    {
        std::unique_lock lock(state.mutex);
        const auto found = state.sandboxes.find(container_id);
        if (found == state.sandboxes.end()) {
            return fail(EINVAL, "container " + container_id.substr(0, 12) + " has no network namespace of its own");
        }
        sandbox = found->second.data;
        const Network network = *TRY(state.find(wish.network));
        if (std::ranges::contains(sandbox.endpoints, network.id, &Endpoint::network_id)) {
            return fail(EPERM,
                        "endpoint with name " + found->second.name + " already exists in network " + network.name);
        }
        endpoint = TRY(state.lease_waiting(wish, lock));
        endpoint.interface = free_interface(sandbox, network.interface);
        sandbox.endpoints.push_back(endpoint);
        if (const Status saved = state.save(sandbox); !saved) {
            state.give_back(endpoint);
            return std::unexpected(saved.error());
        }
        state.sandboxes[container_id].data = sandbox;
    }
    Netlink host = TRY(Netlink::open());
    Status done = in_namespace(namespace_file(container_id), [&](BorrowedFd own_namespace) {
        return state.furnish(host, sandbox, {endpoint}, !ports.empty(), own_namespace);
    });
    if (done) {
        done = state.republish(sandbox, ports);
    }
    if (!done) {
        (void)disconnect(container_id, wish.network, ports); // the error that matters is the first one
        return std::unexpected(done.error());
    }
    return sandbox;
}

Result<Sandbox> Networks::disconnect(const std::string &container_id, const std::string &network,
                                     const std::vector<PortRequest> &ports) {
    State &state = *state_;
    Sandbox sandbox;
    Endpoint endpoint;
    {
        const std::scoped_lock lock(state.mutex);
        const auto found = state.sandboxes.find(container_id);
        const Network wanted = *TRY(state.find(network));
        if (found != state.sandboxes.end()) {
            sandbox = found->second.data;
        }
        const auto place = std::ranges::find(sandbox.endpoints, wanted.id, &Endpoint::network_id);
        if (place == sandbox.endpoints.end()) {
            return fail(EPERM, "container " + container_id + " is not connected to network " + wanted.name);
        }
        endpoint = *place;
        sandbox.endpoints.erase(place);
    }
    Netlink host = TRY(Netlink::open());
    NetlinkChanges changes;
    changes.delete_link(endpoint.host_interface);
    TRY(host.apply(changes));
    const Status routed = in_namespace(namespace_file(container_id), [&sandbox](BorrowedFd) -> Status {
        Netlink own = TRY(Netlink::open());
        return set_default_routes(own, sandbox, false);
    });
    TRY(state.republish(sandbox, ports)); // writes down that the endpoint is gone
    const std::scoped_lock lock(state.mutex);
    state.give_back(endpoint);
    TRY(Status(routed));
    return sandbox;
}

void Networks::release(const std::string &container_id) {
    State &state = *state_;
    const std::optional<Sandbox> sandbox = this->sandbox(container_id);
    drop_namespace(namespace_file(container_id));
    if (!sandbox) {
        return;
    }
    {
        const std::scoped_lock kernel(state.kernel);
        {
            const std::scoped_lock lock(state.mutex);
            state.sandboxes.erase(container_id);
            state.ports.release(container_id);
        }
        (void)state.unpublish(sandbox->ports); // when even the whole table cannot be replaced, restore() says so
    }
    const std::scoped_lock lock(state.mutex);
    state.remove_later(sandbox->endpoints);
    (void)unlink(state.sandbox_file(container_id).c_str()); // what is left of it is swept at the next start
}

} // namespace ballast::network
