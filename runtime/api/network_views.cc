// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"
#include "runtime/engine/names.h"
#include "runtime/engine/network.h"

namespace ballast::api {
namespace {

using engine::Snapshot;
using network::Endpoint;
using network::Family;

std::string text_of(const std::optional<network::Address> &address) { return address ? address->text() : ""; }

std::string address_of(const std::optional<network::Subnet> &subnet) { return subnet ? subnet->address.text() : ""; }

unsigned prefix_of(const std::optional<network::Subnet> &subnet) { return subnet ? subnet->prefix : 0; }

Json pool_view(const network::Pool &pool) {
    Json view{{"Subnet", pool.subnet.text()}};
    if (pool.range) {
        view["IPRange"] = pool.range->text();
    }
    if (pool.gateway) {
        view["Gateway"] = pool.gateway->text();
    }
    for (const auto &[name, address] : pool.others) {
        view["AuxiliaryAddresses"][name] = address.text();
    }
    return view;
}

// What the user asked for, by which clients tell fixed addresses from others.
Json wish_view(const engine::EndpointRequest &request) {
    Json view = Json::object();
    if (!request.ipv4_address.empty()) {
        view["IPv4Address"] = request.ipv4_address;
    }
    if (!request.ipv6_address.empty()) {
        view["IPv6Address"] = request.ipv6_address;
    }
    return view.empty() ? Json(nullptr) : view;
}

// The names that others find the container by.
engine::Texts names_of(const Snapshot &container, const engine::EndpointRequest &request) {
    engine::Texts names = {container.name, engine::short_id(container.id)};
    const auto add = [&names](const std::string &name) {
        if (!name.empty() && !std::ranges::contains(names, name)) {
            names.push_back(name);
        }
    };
    std::ranges::for_each(request.aliases, add);
    add(container.config.hostname);
    return names;
}

Json endpoint_view(const Snapshot &container, const std::string &name, const engine::EndpointRequest &request,
                   const Endpoint &endpoint) {
    const bool named = name != "bridge" && name != "host" && name != "none";
    return {{"IPAMConfig", wish_view(request)},
            {"Links", request.links.empty() ? Json(nullptr) : Json(request.links)},
            {"Aliases", request.aliases.empty() ? Json(nullptr) : Json(request.aliases)},
            {"MacAddress", endpoint.mac},
            {"NetworkID", endpoint.network_id},
            {"EndpointID", endpoint.id},
            {"Gateway", text_of(endpoint.gateway_v4)},
            {"IPAddress", address_of(endpoint.v4)},
            {"IPPrefixLen", prefix_of(endpoint.v4)},
            {"IPv6Gateway", text_of(endpoint.gateway_v6)},
            {"GlobalIPv6Address", address_of(endpoint.v6)},
            {"GlobalIPv6PrefixLen", prefix_of(endpoint.v6)},
            {"DriverOpts", request.driver_options.empty() ? Json(nullptr) : Json(request.driver_options)},
            {"DNSNames", named ? Json(names_of(container, request)) : Json(nullptr)}};
}

Endpoint endpoint_in(const Snapshot &container, const std::string &name) {
    if (container.sandbox) {
        const auto found = std::ranges::find(container.sandbox->endpoints, name, &Endpoint::network);
        if (found != container.sandbox->endpoints.end()) {
            return *found;
        }
    }
    Endpoint none;
    if (name == "host" || name == "none") {
        none.network_id = network::predefined_id(name);
    }
    return none;
}

std::string port_key(const network::PublishedPort &port) {
    return std::to_string(port.container_port) + "/" + network::protocol_name(port.protocol);
}

// Every port that is exposed or published, as "80/tcp".
std::set<std::string> known_ports(const Snapshot &container) {
    std::set<std::string> keys = container.config.exposed_ports;
    for (const auto &[key, bindings] : container.host.port_bindings) {
        keys.insert(key);
    }
    std::set<std::string> single;
    for (const std::string &key : keys) {
        if (const auto ports = network::parse_container_ports(key)) {
            for (unsigned number = ports->first; number <= ports->last; number++) {
                single.insert(std::to_string(number) + "/" + network::protocol_name(ports->protocol));
            }
        }
    }
    return single;
}

Json ports_view(const Snapshot &container) {
    Json view = Json::object();
    if (!container.sandbox) {
        return view;
    }
    for (const std::string &key : known_ports(container)) {
        view[key] = nullptr;
    }
    for (const network::PublishedPort &port : container.sandbox->ports) {
        view[port_key(port)].push_back(
            {{"HostIp", port.host_address.text()}, {"HostPort", std::to_string(port.host_port)}});
    }
    return view;
}

} // namespace

Json network_view(const engine::NetworkView &network) {
    const network::Network &data = network.network;
    Json pools = Json::array();
    for (const network::Pool &pool : data.pools) {
        pools.push_back(pool_view(pool));
    }
    Json members = Json::object();
    for (const engine::NetworkView::Member &member : network.members) {
        const Endpoint &endpoint = member.endpoint;
        members[member.container_id] = {{"Name", member.container_name},
                                        {"EndpointID", endpoint.id},
                                        {"MacAddress", endpoint.mac},
                                        {"IPv4Address", endpoint.v4 ? endpoint.v4->text() : ""},
                                        {"IPv6Address", endpoint.v6 ? endpoint.v6->text() : ""}};
    }
    // The predefined ones host and none have no beginning; clients want a time.
    const std::string created = data.created_ns == 0
                                    ? "2001-01-01T00:00:00Z"
                                    : engine::time_text(engine::Time(engine::Nanoseconds(data.created_ns)));
    return {{"Name", data.name},
            {"Id", data.id},
            {"Created", created},
            {"Scope", "local"},
            {"Driver", network::driver_name(data.driver)},
            {"EnableIPv6", data.ipv6},
            {"IPAM",
             {{"Driver", "default"},
              {"Options", data.ipam_options.empty() ? Json(nullptr) : Json(data.ipam_options)},
              {"Config", std::move(pools)}}},
            {"Internal", data.internal},
            {"Attachable", data.attachable},
            {"Ingress", false},
            {"ConfigFrom", {{"Network", ""}}},
            {"ConfigOnly", false},
            {"Containers", std::move(members)},
            {"Options", data.options.empty() ? Json::object() : Json(data.options)},
            {"Labels", data.labels.empty() ? Json::object() : Json(data.labels)}};
}

Json networks_of(const Snapshot &container) {
    Json networks = Json::object();
    const std::string &mode = container.host.network_mode;
    if (mode == "none" || mode == "host") {
        networks[mode] = endpoint_view(container, mode, {}, endpoint_in(container, mode));
        return networks;
    }
    for (const auto &[name, request] : container.networking) { // of "container:ID" there are none
        networks[name] = endpoint_view(container, name, request, endpoint_in(container, name));
    }
    return networks;
}

Json network_settings(const Snapshot &container) {
    // These fields are of the default bridge alone, from the time when there was no other network.
    const Endpoint bridge = endpoint_in(container, "bridge");
    return {{"Bridge", ""},
            {"SandboxID", container.network_sandbox_key.empty() ? "" : container.id},
            {"SandboxKey", container.network_sandbox_key},
            {"Ports", ports_view(container)},
            {"HairpinMode", false},
            {"LinkLocalIPv6Address", ""},
            {"LinkLocalIPv6PrefixLen", 0},
            {"SecondaryIPAddresses", nullptr},
            {"SecondaryIPv6Addresses", nullptr},
            {"EndpointID", bridge.id},
            {"Gateway", text_of(bridge.gateway_v4)},
            {"GlobalIPv6Address", address_of(bridge.v6)},
            {"GlobalIPv6PrefixLen", prefix_of(bridge.v6)},
            {"IPAddress", address_of(bridge.v4)},
            {"IPPrefixLen", prefix_of(bridge.v4)},
            {"IPv6Gateway", text_of(bridge.gateway_v6)},
            {"MacAddress", bridge.mac},
            {"Networks", networks_of(container)}};
}

Json port_list(const Snapshot &container) {
    Json list = Json::array();
    if (!container.sandbox) {
        return list;
    }
    std::set<std::string> published;
    for (const network::PublishedPort &port : container.sandbox->ports) {
        published.insert(port_key(port));
        list.push_back({{"IP", port.host_address.text()},
                        {"PrivatePort", port.container_port},
                        {"PublicPort", port.host_port},
                        {"Type", network::protocol_name(port.protocol)}});
    }
    for (const std::string &key : known_ports(container)) {
        const auto port = network::parse_container_ports(key);
        if (port && !published.contains(key)) {
            list.push_back({{"PrivatePort", port->first}, {"Type", network::protocol_name(port->protocol)}});
        }
    }
    return list;
}

} // namespace ballast::api
