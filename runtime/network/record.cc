// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/record.h"

#include <nlohmann/json.hpp>

#include "base/json/json_cursor.h"
#include "runtime/network/definition.h"

namespace ballast::network {
namespace {

using Json = nlohmann::ordered_json;
constexpr unsigned kVersion = 1;

Json pool_json(const Pool &pool) {
    Json json = {{"subnet", pool.subnet.text()}, {"others", Json::object()}};
    if (pool.range) {
        json["range"] = pool.range->text();
    }
    if (pool.gateway) {
        json["gateway"] = pool.gateway->text();
    }
    for (const auto &[name, address] : pool.others) {
        json["others"][name] = address.text();
    }
    return json;
}

std::optional<Address> read_address(const JsonCursor &from) {
    if (!from.given()) {
        return std::nullopt;
    }
    const std::optional<Address> address = Address::parse(from.view());
    if (!address) {
        from.refuse("an address");
    }
    return address;
}

std::optional<Subnet> read_subnet(const JsonCursor &from) {
    if (!from.given()) {
        return std::nullopt;
    }
    const std::optional<Subnet> subnet = Subnet::parse(from.view());
    if (!subnet) {
        from.refuse("an address with a prefix");
    }
    return subnet;
}

Pool read_pool(const JsonCursor &from) {
    Pool pool;
    pool.subnet = read_subnet(from.need("subnet")).value_or(Subnet{});
    pool.range = read_subnet(from.at("range"));
    pool.gateway = read_address(from.at("gateway"));
    for (const JsonCursor other : from.at("others").members()) {
        pool.others.emplace(other.name(), read_address(other).value_or(Address{}));
    }
    return pool;
}

void read_options(const JsonCursor &from, Options &to) {
    for (const JsonCursor member : from.members()) {
        to.emplace(member.name(), member.text());
    }
}

Json endpoint_json(const Endpoint &endpoint) {
    Json json = {{"id", endpoint.id},
                 {"network_id", endpoint.network_id},
                 {"network", endpoint.network},
                 {"host_interface", endpoint.host_interface},
                 {"interface", endpoint.interface},
                 {"mac", endpoint.mac},
                 {"mtu", endpoint.mtu},
                 {"gateway_priority", endpoint.gateway_priority}};
    for (const auto &[name, subnet] : {std::pair("v4", endpoint.v4), std::pair("v6", endpoint.v6)}) {
        if (subnet) {
            json[name] = subnet->text();
        }
    }
    for (const auto &[name, gateway] :
         {std::pair("gateway_v4", endpoint.gateway_v4), std::pair("gateway_v6", endpoint.gateway_v6)}) {
        if (gateway) {
            json[name] = gateway->text();
        }
    }
    return json;
}

Endpoint read_endpoint(const JsonCursor &from) {
    Endpoint endpoint;
    endpoint.id = from.need("id").text();
    endpoint.network_id = from.need("network_id").text();
    endpoint.network = from.need("network").text();
    endpoint.host_interface = from.need("host_interface").text();
    endpoint.interface = from.need("interface").text();
    endpoint.mac = from.need("mac").text();
    endpoint.mtu = from.at("mtu").number<int>(0);
    endpoint.gateway_priority = from.at("gateway_priority").number<int>();
    endpoint.v4 = read_subnet(from.at("v4"));
    endpoint.v6 = read_subnet(from.at("v6"));
    endpoint.gateway_v4 = read_address(from.at("gateway_v4"));
    endpoint.gateway_v6 = read_address(from.at("gateway_v6"));
    if (!is_interface_name(endpoint.host_interface) || !is_interface_name(endpoint.interface)) {
        from.refuse("an endpoint with names of interfaces");
    }
    return endpoint;
}

PublishedPort read_port(const JsonCursor &from) {
    PublishedPort port;
    const JsonCursor name = from.need("protocol");
    const std::optional<Protocol> protocol = protocol_of(name.view());
    if (!protocol) {
        name.refuse("tcp, udp or sctp");
    }
    port.protocol = protocol.value_or(Protocol::kTcp);
    port.host_address = read_address(from.need("host_address")).value_or(Address{});
    port.host_port = from.need("host_port").number<std::uint16_t>(1);
    port.container_address = read_address(from.need("container_address")).value_or(Address{});
    port.container_port = from.need("container_port").number<std::uint16_t>(1);
    return port;
}

Json port_json(const PublishedPort &port) {
    return {{"protocol", protocol_name(port.protocol)},
            {"host_address", port.host_address.text()},
            {"host_port", port.host_port},
            {"container_address", port.container_address.text()},
            {"container_port", port.container_port}};
}

std::string text_of(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

} // namespace

std::string record_text(const Network &network) {
    Json json = {{"version", kVersion},
                 {"id", network.id},
                 {"name", network.name},
                 {"created", network.created_ns},
                 {"driver", driver_name(network.driver)},
                 {"internal", network.internal},
                 {"ipv6", network.ipv6},
                 {"attachable", network.attachable},
                 {"foreign_bridge", network.foreign_bridge},
                 {"options", network.options},
                 {"labels", network.labels},
                 {"ipam_options", network.ipam_options},
                 {"pools", Json::array()}};
    for (const Pool &pool : network.pools) {
        json["pools"].push_back(pool_json(pool));
    }
    return text_of(json);
}

Result<Network> parse_network(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    (void)root.need("version").number<unsigned>(kVersion, kVersion); // a wrong one is noted in the document
    Network network;
    network.id = root.need("id").text();
    network.name = root.need("name").text();
    network.created_ns = root.need("created").number<std::int64_t>();
    const JsonCursor driver = root.need("driver");
    if (driver.view() != driver_name(Driver::kBridge)) {
        driver.refuse("bridge");
    }
    network.internal = root.at("internal").boolean();
    network.ipv6 = root.at("ipv6").boolean();
    network.attachable = root.at("attachable").boolean();
    network.foreign_bridge = root.at("foreign_bridge").boolean();
    read_options(root.at("options"), network.options);
    read_options(root.at("labels"), network.labels);
    read_options(root.at("ipam_options"), network.ipam_options);
    for (const JsonCursor pool : root.at("pools").items()) {
        network.pools.push_back(read_pool(pool));
    }
    TRY(document.status());
    TRY(check_network_name(network.name).within(name));
    TRY(apply_options(network).within(name));
    return network;
}

std::string record_text(const Sandbox &sandbox) {
    Json json = {{"version", kVersion},
                 {"container", sandbox.container_id},
                 {"endpoints", Json::array()},
                 {"ports", Json::array()}};
    for (const Endpoint &endpoint : sandbox.endpoints) {
        json["endpoints"].push_back(endpoint_json(endpoint));
    }
    for (const PublishedPort &port : sandbox.ports) {
        json["ports"].push_back(port_json(port));
    }
    return text_of(json);
}

Result<Sandbox> parse_sandbox(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    (void)root.need("version").number<unsigned>(kVersion, kVersion); // a wrong one is noted in the document
    Sandbox sandbox;
    sandbox.container_id = root.need("container").text();
    for (const JsonCursor endpoint : root.at("endpoints").items()) {
        sandbox.endpoints.push_back(read_endpoint(endpoint));
    }
    for (const JsonCursor port : root.at("ports").items()) {
        sandbox.ports.push_back(read_port(port));
    }
    TRY(document.status());
    return sandbox;
}

} // namespace ballast::network
