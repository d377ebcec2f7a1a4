// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <fcntl.h>

#include "base/file_io.h"
#include "base/log.h"
#include "runtime/engine/container_files.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"
#include "runtime/engine/network.h"

// What the resolver of runtime/network/dns knows of containers. On the default bridge nobody has a name.
namespace ballast::engine {
namespace {

// What is behind an id among kept descriptors, in the order in which they are kept: with the last, all are there.
struct Kept {
    std::string_view name;
    Fd dns::Sockets::*socket;
};
constexpr std::array kKept = std::to_array<Kept>({{"-names-udp", &dns::Sockets::udp},
                                                  {"-names-tcp", &dns::Sockets::tcp},
                                                  {"-names-replies", &dns::Sockets::replies},
                                                  {"-names-steering", &dns::Sockets::steering}});

bool has_names(const network::Endpoint &endpoint) { return endpoint.network != "bridge"; }

dns::Endpoint endpoint_of(const Snapshot &container, const network::Endpoint &endpoint) {
    dns::Endpoint known{.container = container.id, .names = {container.name}, .addresses = {}};
    const auto add = [&known](const std::string &name) {
        if (!name.empty() && !std::ranges::contains(known.names, name)) {
            known.names.push_back(name);
        }
    };
    if (const auto request = container.networking.find(endpoint.network); request != container.networking.end()) {
        std::ranges::for_each(request->second.aliases, add);
    }
    add(short_id(container.id));
    add(container.config.hostname);
    for (const std::optional<network::Subnet> &address : {endpoint.v4, endpoint.v6}) {
        if (address) {
            known.addresses.push_back(address->address);
        }
    }
    return known;
}

// NAME:ALIAS, of compose's links.
void add_links(const Texts &links, dns::View &view) {
    for (const std::string &link : links) {
        const std::size_t colon = link.find(':');
        const std::string name = link.substr(0, colon);
        view.links[dns::lower_case(colon == std::string::npos ? name : link.substr(colon + 1))] = dns::lower_case(name);
    }
}

dns::ClientSettings client_of(const Snapshot &container, const network::Sandbox &sandbox,
                              const network::Networks &networks, const Settings &engine) {
    const NameSettings names = name_settings(container.host, engine);
    dns::ClientSettings settings{
        .view = {}, .forwards = false, .servers = names.servers, .keeps_single_labels = sets_ndots(names)};
    for (const network::Endpoint &endpoint : sandbox.endpoints) {
        if (const Result<network::Network> network = networks.find(endpoint.network_id)) {
            settings.forwards = settings.forwards || !network->internal;
        }
        if (!has_names(endpoint)) {
            continue;
        }
        settings.view.networks.push_back(endpoint.network_id);
        if (const auto request = container.networking.find(endpoint.network); request != container.networking.end()) {
            add_links(request->second.links, settings.view);
        }
    }
    return settings;
}

} // namespace

bool needs_resolver(const network::Sandbox &sandbox) { return std::ranges::any_of(sandbox.endpoints, has_names); }

void Engine::Core::tell_names(const Snapshot &container) {
    const std::optional<network::Sandbox> sandbox = networks->sandbox(container.id);
    if (!sandbox) {
        return;
    }
    for (const network::Endpoint &endpoint : sandbox->endpoints) {
        if (has_names(endpoint)) {
            resolver.names().add_network(endpoint.network_id, endpoint.network);
            resolver.names().put(endpoint.network_id, endpoint_of(container, endpoint));
        }
    }
    resolver.update(container.id, client_of(container, *sandbox, *networks, settings()));
}

Status Engine::Core::open_names(const Snapshot &container, std::optional<dns::Sockets> sockets) {
    const std::optional<network::Sandbox> sandbox = networks->sandbox(container.id);
    if (!sandbox || (!sockets && !needs_resolver(*sandbox))) {
        return {};
    }
    if (!sockets || !sockets->complete()) {
        const Fd place = TRY(open_file(networks->namespace_file(container.id), O_RDONLY));
        sockets = TRY(dns::open_sockets(place, std::move(sockets).value_or(dns::Sockets())));
        if (const Settings now = settings(); now.keep_descriptor) {
            for (const Kept &kept : kKept) {
                now.keep_descriptor(container.id + std::string(kept.name), (*sockets).*kept.socket);
            }
        }
    }
    tell_names(container); // first: what waits in the sockets is answered at once
    return resolver.attach(container.id, std::move(*sockets), client_of(container, *sandbox, *networks, settings()));
}

void Engine::Core::close_names(const std::string &id) {
    resolver.detach(id);
    resolver.names().remove(id);
    if (const Settings now = settings(); now.forget_descriptor) {
        for (const Kept &kept : kKept) {
            now.forget_descriptor(id + std::string(kept.name)); // those that it never had are no error
        }
    }
}

Engine::Core::KeptSockets Engine::Core::take_kept_sockets(std::map<std::string, Fd> &inherited) {
    KeptSockets kept;
    for (auto entry = inherited.begin(); entry != inherited.end();) {
        const std::string &name = entry->first;
        const auto role = std::ranges::find_if(kKept, [&name](const Kept &one) { return name.ends_with(one.name); });
        if (role == kKept.end()) {
            ++entry;
            continue;
        }
        kept[name.substr(0, name.size() - role->name.size())].*role->socket = std::move(entry->second);
        entry = inherited.erase(entry);
    }
    return kept;
}

void Engine::Core::reopen_names(KeptSockets kept) {
    // What was asked meanwhile is answered with the first container's sockets: all names are known before.
    for (const ContainerPtr &container : all()) {
        const std::scoped_lock operation(container->operation); // it may end at this moment
        if (const Snapshot data = container->snapshot(); data.state.running()) {
            tell_names(data);
        }
    }
    for (const ContainerPtr &container : all()) {
        const std::scoped_lock operation(container->operation);
        const Snapshot data = container->snapshot();
        auto found = kept.extract(data.id);
        if (!data.state.running()) {
            if (!found.empty()) {
                close_names(data.id);
            }
            continue;
        }
        std::optional<dns::Sockets> sockets;
        if (!found.empty()) {
            sockets = std::move(found.mapped());
        }
        if (const Status opened = open_names(data, std::move(sockets)); !opened) {
            log::error("names: " + opened.error().message, {{"CONTAINER_ID", short_id(data.id)}});
        }
    }
    for (const auto &[id, sockets] : kept) {
        close_names(id);
    }
}

} // namespace ballast::engine
