// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>

#include "runtime/network/namespace.h"
#include "runtime/network/state.h"

namespace ballast::network {
namespace {

constexpr std::size_t kVethName = 11; // "veth" and seven digits

bool is_our_veth(const Link &link) {
    return link.kind == "veth" && link.name.size() == kVethName && link.name.starts_with("veth") &&
           std::ranges::all_of(link.name.substr(4), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

} // namespace

// Interfaces of running containers that somebody has taken away.
void Networks::State::restore_sandboxes(Netlink &host, Texts &problems) {
    std::map<std::string, Entry> running;
    {
        const std::scoped_lock lock(mutex);
        running = sandboxes;
    }
    for (const auto &[id, entry] : running) {
        for (const Endpoint &endpoint : entry.data.endpoints) {
            const Result<std::optional<Link>> link = host.link(endpoint.host_interface);
            if (link && link->has_value()) {
                continue;
            }
            const Status mended =
                in_namespace(settings.run_root / "netns" / id, [&](BorrowedFd own_namespace) -> Status {
                    return furnish(host, entry.data, {endpoint}, !entry.data.ports.empty(), own_namespace);
                });
            problems.push_back("container " + entry.name + ": its interface in network " + endpoint.network +
                               " was gone" + (mended ? "; it was made again" : ": " + mended.error().message));
        }
    }
}

// Ports of our bridges that belong to no container: of one that was killed with us, or whose record is lost.
void Networks::State::sweep(Netlink &host) {
    const Result<std::vector<Link>> links = host.links();
    if (!links) {
        return;
    }
    std::set<unsigned> bridges;
    std::set<std::string> known;
    {
        const std::scoped_lock lock(mutex);
        for (const auto &[id, network] : networks) {
            const auto bridge = std::ranges::find(*links, network.bridge, &Link::name);
            if (bridge != links->end() && !network.foreign_bridge) {
                bridges.insert(bridge->index);
            }
        }
        for (const auto &[id, entry] : sandboxes) {
            for (const Endpoint &endpoint : entry.data.endpoints) {
                known.insert(endpoint.host_interface);
            }
        }
        for (const Endpoint &endpoint : leaving) {
            known.insert(endpoint.host_interface);
        }
    }
    NetlinkChanges changes;
    for (const Link &link : *links) {
        if (is_our_veth(link) && bridges.contains(link.master) && !known.contains(link.name)) {
            changes.delete_link(link.name);
        }
    }
    (void)host.apply(changes); // tried again at the next start
}

Texts Networks::restore(const std::set<std::string> &running) {
    State &state = *state_;
    Texts problems;
    state.start_background();
    for (const Sandbox &sandbox : sandboxes()) {
        if (!running.contains(sandbox.container_id)) {
            release(sandbox.container_id);
        }
    }
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(state.settings.run_root / "netns", error)) {
        if (!sandbox(entry.path().filename())) {
            drop_namespace(entry.path());
        }
    }
    Result<Netlink> host = Netlink::open();
    if (!host) {
        problems.push_back("networks: " + host.error().message);
        return problems;
    }
    bool any = false, ipv6 = false;
    for (const Network &network : list()) {
        if (network.driver != Driver::kBridge) {
            continue;
        }
        const std::scoped_lock lock(state.kernel);
        if (const Result<unsigned> made = state.realize(*host, network.id); !made) {
            problems.push_back(made.error().message);
        }
        any = true;
        ipv6 = ipv6 || network.ipv6;
    }
    state.restore_sandboxes(*host, problems);
    state.sweep(*host);
    if (any) {
        const std::scoped_lock lock(state.kernel);
        for (const Status &done : {state.enable_forwarding(ipv6), state.replace_table()}) {
            if (!done) {
                problems.push_back("networks: " + done.error().message);
            }
        }
    }
    return problems;
}

} // namespace ballast::network
