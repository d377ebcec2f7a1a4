// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/router.h"
#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"

namespace ballast::api {
namespace {

std::map<std::string, std::string> read_map(const JsonCursor &object) {
    std::map<std::string, std::string> values;
    for (const JsonCursor member : object.members()) {
        values[std::string(member.name())] = member.text();
    }
    return values;
}

Status list(Call &call) {
    Json answer = Json::array();
    for (const engine::NetworkView &network : TRY(call.engine().list_networks(TRY(call.filters())))) {
        answer.push_back(network_view(network));
    }
    return call.answer(200, answer);
}

Status inspect(Call &call) { return call.answer(200, network_view(TRY(call.engine().inspect_network(call.name())))); }

network::PoolRequest read_pool(const JsonCursor &from) {
    return {.subnet = from.at("Subnet").text(),
            .range = from.at("IPRange").text(),
            .gateway = from.at("Gateway").text(),
            .others = read_map(from.at("AuxiliaryAddresses"))};
}

Status create(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body());
    const JsonCursor root(*body);
    network::NetworkRequest request;
    request.name = root.at("Name").text();
    request.driver = root.at("Driver").text();
    request.internal = root.at("Internal").boolean();
    request.ipv6 = root.at("EnableIPv6").boolean();
    request.attachable = root.at("Attachable").boolean();
    request.options = read_map(root.at("Options"));
    request.labels = read_map(root.at("Labels"));
    const JsonCursor ipam = root.at("IPAM");
    request.ipam_driver = ipam.at("Driver").text();
    request.ipam_options = read_map(ipam.at("Options"));
    for (const JsonCursor pool : ipam.at("Config").items()) {
        request.pools.push_back(read_pool(pool));
    }
    const std::string scope = root.at("Scope").text();
    const bool swarm = root.at("Ingress").boolean() || root.at("ConfigOnly").boolean() ||
                       !root.at("ConfigFrom").at("Network").text().empty() || scope == "swarm";
    TRY(body->status());
    if (swarm) {
        return fail(ENOTSUP, "networks of a swarm and config-only networks are not supported");
    }
    const engine::NetworkView made = TRY(call.engine().create_network(request));
    return call.answer(201, {{"Id", made.network.id}, {"Warning", ""}});
}

Status remove(Call &call) {
    TRY(call.engine().remove_network(call.name()));
    return call.nothing();
}

Status connect(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body());
    const JsonCursor root(*body);
    const std::string container = root.at("Container").text();
    const engine::EndpointRequest request = engine::read_endpoint(root.at("EndpointConfig"));
    TRY(body->status());
    TRY(call.engine().connect_network(call.name(), container, request));
    return call.nothing(200);
}

Status disconnect(Call &call) {
    const std::unique_ptr<JsonDocument> body = TRY(call.json_body());
    const JsonCursor root(*body);
    const std::string container = root.at("Container").text();
    const bool force = root.at("Force").boolean();
    TRY(body->status());
    TRY(call.engine().disconnect_network(call.name(), container, force));
    return call.nothing(200);
}

Status prune(Call &call) {
    const engine::Pruned pruned = TRY(call.engine().prune_networks(TRY(call.filters())));
    return call.answer(200, {{"NetworksDeleted", pruned.removed.empty() ? Json(nullptr) : Json(pruned.removed)}});
}

constexpr Route kRoutes[] = {
    {"GET", "/networks", list},
    {"GET", "/networks/", list},
    {"POST", "/networks/prune", prune},
    {"POST", "/networks/create", create},
    {"GET", "/networks/{name}", inspect},
    {"DELETE", "/networks/{name}", remove},
    {"POST", "/networks/{name}/connect", connect},
    {"POST", "/networks/{name}/disconnect", disconnect},
};

} // namespace

std::span<const Route> network_routes() { return kRoutes; }

} // namespace ballast::api
