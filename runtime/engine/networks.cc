// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/log.h"
#include "base/quote.h"
#include "runtime/engine/core.h"
#include "runtime/engine/list_filters.h"
#include "runtime/engine/names.h"
#include "runtime/engine/network.h"

namespace ballast::engine {
namespace {

Event network_event(const network::Network &network, const std::string &action,
                    std::map<std::string, std::string> more = {}) {
    more["name"] = network.name;
    more["type"] = network::driver_name(network.driver);
    return {.type = "network", .action = action, .actor = network.id, .attributes = std::move(more), .time = kNever};
}

Time created(const network::Network &network) { return Time(Nanoseconds(network.created_ns)); }

bool has_label(const Labels &labels, const std::string &wanted) {
    const std::size_t equals = wanted.find('=');
    const auto found = labels.find(wanted.substr(0, equals));
    return found != labels.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
}

bool is_true(const std::string &text) { return text == "true" || text == "1" || text == "True" || text == "t"; }

bool matches_value(const network::Network &network, bool used, const std::string &filter, const std::string &value) {
    return filter == "name"       ? network.name.contains(value)
           : filter == "id"       ? network.id.starts_with(value)
           : filter == "driver"   ? network::driver_name(network.driver) == value
           : filter == "scope"    ? value == "local"
           : filter == "type"     ? value == (network.predefined() ? "builtin" : "custom")
           : filter == "dangling" ? is_true(value) == (!used && !network.predefined())
           : filter == "label"    ? has_label(network.labels, value)
                                  : true;
}

bool matches(const network::Network &network, bool used, const Filters &filters) {
    return std::ranges::all_of(filters, [&](const auto &filter) {
        const auto &[name, values] = filter;
        const auto fits = [&](const std::string &value) { return matches_value(network, used, name, value); };
        if (name == "label!") {
            return std::ranges::none_of(values,
                                        [&](const std::string &value) { return has_label(network.labels, value); });
        }
        return values.empty() ||
               (name == "label" ? std::ranges::all_of(values, fits) : std::ranges::any_of(values, fits));
    });
}

Status check_filters(const Filters &filters, std::initializer_list<std::string_view> known) {
    for (const auto &[name, values] : filters) {
        if (std::ranges::find(known, std::string_view(name)) == known.end()) {
            return fail(EINVAL, "invalid filter " + quote(name));
        }
    }
    return {};
}

Status check_joinable(const Snapshot &container, const network::Network &network) {
    const std::string &mode = container.host.network_mode;
    if (mode == "none") {
        return fail(EPERM, "container cannot be connected to multiple networks with one of the networks in private "
                           "(none) mode");
    }
    if (!has_own_networks(mode)) {
        return fail(EPERM, "container sharing network namespace with another container or host cannot be connected to "
                           "any other network");
    }
    if (network.driver == network::Driver::kHost) {
        return fail(EPERM, "container cannot be connected to host network - container must be started in host network "
                           "mode");
    }
    if (network.driver == network::Driver::kNull) {
        return fail(EPERM, "container cannot be connected to multiple networks with one of the networks in private "
                           "(none) mode");
    }
    return {};
}

network::EndpointWish wish_of(const std::string &network, const EndpointRequest &request) {
    return {.network = network, .v4 = request.ipv4_address, .v6 = request.ipv6_address, .mac = request.mac_address};
}

} // namespace

Status Engine::Core::settle_networks(Snapshot &container) {
    const std::string &mode = container.host.network_mode;
    if (!has_own_networks(mode)) {
        std::erase_if(container.networking, [](const auto &one) { return one.first != "none" && one.first != "host"; });
        return {};
    }
    NetworkingConfig settled;
    container.networking.try_emplace(mode);
    for (auto &[name, request] : container.networking) {
        const std::string plain = network_of_mode(name);
        const Result<network::Network> found = networks->find(plain); // else: it may be made before the start
        if (found) {
            if (found->driver != network::Driver::kBridge) {
                return fail(EINVAL, "conflicting options: network " + found->name + " cannot be combined with others");
            }
            if (found->name == "bridge" && !request.aliases.empty()) {
                return fail(EINVAL, "network-scoped aliases are only supported for user-defined networks");
            }
        }
        if (!request.link_local_ips.empty()) {
            return fail(ENOTSUP, "link-local addresses are not supported");
        }
        EndpointRequest &kept = settled[found ? found->name : plain];
        if (&request != &kept && (kept.aliases.empty() && kept.ipv4_address.empty() && kept.ipv6_address.empty())) {
            kept = std::move(request);
        }
    }
    container.networking = std::move(settled);
    // The mode keeps the user's words, but for an id, which is not what networks are looked up by.
    if (const Result<network::Network> main = networks->find(mode);
        main && main->id != main->name && mode != "default") {
        container.host.network_mode = main->name;
    }
    return {};
}

Result<network::Sandbox> Engine::Core::reserve_networks(const Snapshot &container) {
    const std::string &name = container.name;
    Result<network::Sandbox> sandbox = networks->reserve({.container_id = container.id,
                                                          .container_name = name,
                                                          .endpoints = plan_endpoints(container),
                                                          .ports = TRY(plan_ports(container.config, container.host))});
    if (!sandbox && sandbox.error().message.starts_with("Bind for ")) {
        return fail(EIO, "driver failed programming external connectivity on endpoint " + name + " (" +
                             short_id(container.id) + "): " + sandbox.error().message);
    }
    return sandbox;
}

Texts Engine::Core::host_gateway() const {
    Texts addresses;
    if (const Result<network::Network> bridge = networks->find("bridge")) {
        for (const network::Pool &pool : bridge->pools) {
            if (pool.gateway) {
                addresses.push_back(pool.gateway->text());
            }
        }
    }
    return addresses;
}

void Engine::Core::network_events(const Snapshot &container, const network::Sandbox &sandbox,
                                  const std::string &action) {
    for (const network::Endpoint &endpoint : sandbox.endpoints) {
        network::Network network;
        network.id = endpoint.network_id;
        network.name = endpoint.network;
        events.publish(network_event(network, action, {{"container", container.id}}));
    }
}

Status Engine::Core::write_membership(const ContainerPtr &container, const std::string &network,
                                      const std::optional<EndpointRequest> &request) {
    const std::scoped_lock lock(container->mutex);
    NetworkingConfig before = container->data.networking;
    container->data.networking.erase(network);
    if (request) {
        container->data.networking.emplace(network, *request);
    }
    Status saved = save(*container);
    if (!saved) {
        container->data.networking = std::move(before);
    }
    return saved;
}

void Engine::Core::finish_network_changes() {
    for (const ContainerPtr &container : all()) {
        const std::optional<network::Sandbox> sandbox = networks->sandbox(container->id);
        const Snapshot data = container->snapshot();
        if (!sandbox || !data.state.running()) {
            continue; // what it has is taken away as a whole
        }
        for (const network::Endpoint &endpoint : sandbox->endpoints) {
            const bool stays = std::ranges::any_of(data.networking, [&](const auto &member) {
                const Result<network::Network> network = networks->find(member.first);
                return member.first == endpoint.network || (network && network->id == endpoint.network_id);
            });
            if (const Result<network::Sandbox> left = stays ? *sandbox : leave_network(data, endpoint.network_id);
                !left) {
                warnings.push_back("container " + data.name + ": leave network " + endpoint.network + ": " +
                                   left.error().message);
            }
        }
    }
}

Result<network::Sandbox> Engine::Core::leave_network(const Snapshot &container, const std::string &network_id) {
    return networks->disconnect(container.id, network_id, TRY(plan_ports(container.config, container.host)));
}

Result<NetworkView> Engine::create_network(const network::NetworkRequest &request) {
    NetworkView view{.network = TRY(core_->networks->create(request))};
    core_->events.publish(network_event(view.network, "create"));
    return view;
}

Result<NetworkView> Engine::inspect_network(const std::string &reference) {
    NetworkView view{.network = TRY(core_->networks->find(reference))};
    for (const ContainerPtr &container : core_->all()) {
        const Snapshot data = container->snapshot();
        if (!data.state.running()) {
            continue;
        }
        if (data.host.network_mode == view.network.name && !has_own_networks(data.host.network_mode)) {
            view.members.push_back({.container_id = data.id, .container_name = data.name});
            continue;
        }
        const std::optional<network::Sandbox> sandbox = core_->networks->sandbox(data.id);
        for (const network::Endpoint &endpoint : sandbox ? sandbox->endpoints : std::vector<network::Endpoint>()) {
            if (endpoint.network_id == view.network.id) {
                view.members.push_back({.container_id = data.id, .container_name = data.name, .endpoint = endpoint});
            }
        }
    }
    return view;
}

Result<std::vector<NetworkView>> Engine::list_networks(const Filters &filters) {
    TRY(check_filters(filters, {"dangling", "driver", "id", "label", "name", "scope", "type"}));
    std::set<std::string> used;
    for (const network::Sandbox &sandbox : core_->networks->sandboxes()) {
        for (const network::Endpoint &endpoint : sandbox.endpoints) {
            used.insert(endpoint.network_id);
        }
    }
    std::vector<NetworkView> result;
    for (const network::Network &network : core_->networks->list()) {
        if (matches(network, used.contains(network.id), filters)) {
            result.push_back({.network = network});
        }
    }
    return result;
}

Status Engine::remove_network(const std::string &reference) {
    const network::Network network = TRY(core_->networks->find(reference));
    TRY(core_->networks->remove(network.id));
    core_->resolver.names().remove_network(network.id);
    core_->events.publish(network_event(network, "destroy"));
    return {};
}

Status Engine::connect_network(const std::string &reference, const std::string &container_reference,
                               const EndpointRequest &request) {
    const network::Network network = TRY(core_->networks->find(reference));
    const ContainerPtr container = TRY(core_->find(container_reference));
    const std::scoped_lock operation(container->operation);
    const Snapshot data = container->snapshot();
    TRY(check_joinable(data, network));
    if (network.name == "bridge" && !request.aliases.empty()) {
        return fail(EINVAL, "network-scoped aliases are only supported for user-defined networks");
    }
    const bool running = data.state.running();
    if (!running && data.networking.contains(network.name)) {
        return fail(EPERM, "endpoint with name " + data.name + " already exists in network " + network.name);
    }
    if (running) {
        TRY(core_->networks->connect(data.id, wish_of(network.id, request), TRY(plan_ports(data.config, data.host))));
        core_->publish_rest_on_loopback(); // the default route may lead elsewhere now
    }
    if (const Status saved = core_->write_membership(container, network.name, request); !saved) {
        if (running) {
            (void)core_->networks->disconnect(data.id, network.id, {}); // the error that matters is the first one
            core_->publish_rest_on_loopback();
        }
        return saved;
    }
    if (running) {
        core_->tell_names(container->snapshot());
        core_->events.publish(network_event(network, "connect", {{"container", data.id}}));
    }
    return {};
}

Status Engine::disconnect_network(const std::string &reference, const std::string &container_reference, bool force) {
    const network::Network network = TRY(core_->networks->find(reference));
    const ContainerPtr container = TRY(core_->find(container_reference));
    const std::scoped_lock operation(container->operation);
    const Snapshot data = container->snapshot();
    if (data.host.network_mode == "host" && network.driver == network::Driver::kHost) {
        return fail(EPERM, "container cannot be disconnected from host network - container can only be disconnected "
                           "from host network at container stop");
    }
    if (!data.networking.contains(network.name)) {
        return fail(EPERM, "container " + data.id + " is not connected to network " + network.name);
    }
    TRY(core_->write_membership(container, network.name, std::nullopt));
    if (!data.state.running()) {
        return {};
    }
    const Result<network::Sandbox> left = core_->leave_network(data, network.id);
    if (!left && !force) {
        // The error that matters is the first one.
        (void)core_->write_membership(container, network.name, data.networking.at(network.name));
        return std::unexpected(left.error());
    }
    core_->publish_rest_on_loopback();
    core_->resolver.names().remove(network.id, data.id);
    core_->tell_names(container->snapshot());
    core_->events.publish(network_event(network, "disconnect", {{"container", data.id}}));
    return {};
}

Result<Pruned> Engine::prune_networks(const Filters &filters) {
    TRY(check_filters(filters, {"label", "label!", "until"}));
    Filters rest = filters;
    Time until = kNever;
    if (const auto said = rest.find("until"); said != rest.end()) {
        for (const std::string &value : said->second) {
            until = TRY(until_time(value));
        }
        rest.erase(said);
    }
    std::set<std::string> named;
    for (const ContainerPtr &container : core_->all()) {
        for (const auto &[name, request] : container->snapshot().networking) {
            named.insert(name);
        }
    }
    Pruned result;
    for (const network::Network &network : core_->networks->list()) {
        const bool recent = until != kNever && created(network) >= until;
        if (network.predefined() || named.contains(network.name) || recent || !matches(network, false, rest)) {
            continue;
        }
        if (const Status removed = remove_network(network.id); removed) {
            result.removed.push_back(network.name);
        } else {
            log::warning("prune: " + removed.error().message + ", ignoring"); // a container has come that uses it
        }
    }
    core_->events.publish(
        {.type = "network", .action = "prune", .actor = "", .attributes = {{"reclaimed", "0"}}, .time = kNever});
    return result;
}

} // namespace ballast::engine
