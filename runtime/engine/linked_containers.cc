// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "runtime/engine/core.h"
#include "runtime/engine/links.h"
#include "runtime/engine/network.h"

// Containers of --link. A container's record has them as ID:ALIAS, which a new name does not lead elsewhere.
namespace ballast::engine {
namespace {

constexpr const char *kBridge = "bridge"; // elsewhere names resolve, links or none

std::string address_on_bridge(const std::optional<network::Sandbox> &sandbox) {
    for (const network::Endpoint &endpoint : sandbox ? sandbox->endpoints : std::vector<network::Endpoint>()) {
        if (endpoint.network == kBridge && endpoint.v4) {
            return endpoint.v4->address.text();
        }
    }
    return "";
}

} // namespace

Status Engine::Core::name_links(HostConfig &settings) {
    if (network_of_mode(settings.network_mode) != kBridge) {
        settings.links.clear(); // as Docker does: a client gives those of other networks with these
        return {};
    }
    for (std::string &text : settings.links) {
        const Link link = TRY(parse_link(text));
        const Result<ContainerPtr> found = find(link.container);
        if (!found) { // not ENOENT: clients would take the image for missing, and pull it
            return fail(EINVAL, "could not get container for " + link.container + ": " + found.error().message);
        }
        text = (*found)->id + ":" + link.alias;
    }
    return {};
}

Result<Engine::Core::Linked> Engine::Core::linked(const Snapshot &container) {
    Linked all;
    for (const std::string &text : container.host.links) {
        const Link link = TRY(parse_link(text));
        const Result<ContainerPtr> found = find(link.container);
        if (!found) {
            continue; // removed since: the link is, too
        }
        const Snapshot other = (*found)->snapshot();
        if (!other.state.running()) {
            return fail(EBUSY, "Cannot link to a non running container: /" + other.name + " AS /" + container.name +
                                   "/" + link.alias);
        }
        const std::string address = address_on_bridge(networks->sandbox(other.id));
        if (address.empty()) {
            return fail(EINVAL, "container " + other.id + " not attached to default bridge network");
        }
        const Texts env = link_environment(container.name, link.alias, other, address);
        all.env.insert(all.env.end(), env.begin(), env.end());
        all.hosts.push_back(address + "\t" + link_names(link.alias, other));
    }
    return all;
}

void Engine::Core::show_links(Snapshot &container) {
    Texts shown;
    for (const std::string &text : std::exchange(container.host.links, {})) {
        const Result<Link> link = parse_link(text);
        const Result<ContainerPtr> other = link ? find(link->container) : fail(ENOENT, "");
        if (other) {
            shown.push_back("/" + (*other)->snapshot().name + ":/" + container.name + "/" + link->alias);
        }
    }
    container.host.links = std::move(shown);
}

} // namespace ballast::engine
