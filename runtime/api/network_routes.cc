// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "runtime/api/router.h"
#include "runtime/api/views.h"

namespace ballast::api {
namespace {

constexpr std::array kNetworks{"host", "none"};

bool passes(const std::string &name, const Json &network, const engine::Filters &filters) {
    for (const auto &[filter, values] : filters) {
        const auto any = [&](const auto &test) { return std::ranges::any_of(values, test); };
        const bool fits = filter == "name"     ? any([&](const std::string &v) { return name.contains(v); })
                          : filter == "id"     ? any([&](const std::string &v) { return network_id(name).contains(v); })
                          : filter == "driver" ? any([&](const std::string &v) { return network["Driver"] == v; })
                          : filter == "scope"  ? any([](const std::string &v) { return v == "local"; })
                          : filter == "type"   ? any([](const std::string &v) { return v == "builtin"; })
                                               : false;
        if (!fits) {
            return false;
        }
    }
    return true;
}

Status list(Call &call) {
    const engine::Filters filters = TRY(call.filters());
    TRY(check_filters(filters, {"dangling", "driver", "id", "label", "name", "scope", "type"}));
    Json answer = Json::array();
    for (const char *name : kNetworks) {
        if (Json network = network_view(name); passes(name, network, filters)) {
            answer.push_back(std::move(network));
        }
    }
    return call.answer(200, answer);
}

Status inspect(Call &call) {
    for (const char *name : kNetworks) {
        const bool by_id = call.name().size() >= 3 && network_id(name).starts_with(call.name());
        if (call.name() != name && !by_id) {
            continue;
        }
        Json view = network_view(name);
        const engine::ListOptions options{.all = false, .limit = 0, .size = false, .filters = {{"network", {name}}}};
        for (const engine::Snapshot &container : TRY(call.engine().list(options))) {
            view["Containers"][container.id] = {{"Name", container.name},
                                                {"EndpointID", ""},
                                                {"MacAddress", ""},
                                                {"IPv4Address", ""},
                                                {"IPv6Address", ""}};
        }
        return call.answer(200, view);
    }
    return fail(ENOENT, "network " + call.name() + " not found");
}

Status prune(Call &call) {
    TRY(check_filters(TRY(call.filters()), {"label", "label!", "until"}));
    return call.answer(200, {{"NetworksDeleted", nullptr}}); // those that there are stay
}

Status refuse(Call & /*call*/) {
    return fail(ENOTSUP, "this engine has the networks none, host and container:NAME only; networks of one's own come "
                         "with a later version");
}

Status remove(Call &call) {
    if (std::ranges::contains(kNetworks, call.name(), [](const char *name) { return std::string_view(name); })) {
        return fail(EPERM, call.name() + " is a pre-defined network and cannot be removed");
    }
    return fail(ENOENT, "network " + call.name() + " not found");
}

constexpr Route kRoutes[] = {
    {"GET", "/networks", list},
    {"GET", "/networks/", list},
    {"POST", "/networks/prune", prune},
    {"POST", "/networks/create", refuse},
    {"GET", "/networks/{name}", inspect},
    {"DELETE", "/networks/{name}", remove},
    {"POST", "/networks/{name}/connect", refuse},
    {"POST", "/networks/{name}/disconnect", refuse},
};

} // namespace

std::span<const Route> network_routes() { return kRoutes; }

} // namespace ballast::api
