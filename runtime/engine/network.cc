// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/network.h"

#include <algorithm>
#include <set>

#include "base/quote.h"

namespace ballast::engine {
namespace {

constexpr std::string_view kContainer = "container:";

bool is_bound(const HostConfig &host, const network::ContainerPorts &wanted, std::uint16_t number) {
    return std::ranges::any_of(host.port_bindings, [&](const auto &entry) {
        const auto ports = network::parse_container_ports(entry.first);
        return ports && ports->protocol == wanted.protocol && number >= ports->first && number <= ports->last &&
               !entry.second.empty();
    });
}

} // namespace

bool has_own_networks(const std::string &mode) {
    return mode != "none" && mode != "host" && !mode.starts_with(kContainer);
}

std::string network_of_mode(const std::string &mode) { return mode.empty() || mode == "default" ? "bridge" : mode; }

Result<std::string> shared_network(const HostConfig &host,
                                   const std::function<Result<int>(const std::string &reference)> &process_of) {
    const std::string &mode = host.network_mode;
    if (mode == "none") {
        return std::string();
    }
    if (mode == "host") {
        return std::string("host");
    }
    if (mode.size() <= kContainer.size()) {
        return fail(EINVAL, "invalid network mode " + quote(mode) + ": want container:NAME");
    }
    return "/proc/" + std::to_string(TRY(process_of(mode.substr(kContainer.size())))) + "/ns/net";
}

Result<std::vector<network::PortRequest>> plan_ports(const Config &config, const HostConfig &host) {
    std::vector<network::PortRequest> requests;
    for (const auto &[key, bindings] : host.port_bindings) {
        network::ContainerPorts ports = TRY(network::parse_container_ports(key));
        const unsigned last = ports.last;
        for (unsigned number = ports.first; number <= last; number++) {
            ports.first = ports.last = static_cast<std::uint16_t>(number);
            for (const PortBinding &binding : bindings) {
                requests.push_back(TRY(network::parse_binding(ports, binding.host_ip, binding.host_port)));
            }
        }
    }
    for (const std::string &exposed : config.exposed_ports) {
        const network::ContainerPorts ports = TRY(network::parse_container_ports(exposed));
        for (unsigned number = ports.first; host.publish_all_ports && number <= ports.last; number++) {
            if (const auto port = static_cast<std::uint16_t>(number); !is_bound(host, ports, port)) {
                requests.push_back({.protocol = ports.protocol, .container_port = port});
            }
        }
    }
    return has_own_networks(host.network_mode) ? requests : std::vector<network::PortRequest>();
}

std::vector<network::EndpointWish> plan_endpoints(const Snapshot &container) {
    const std::string main = network_of_mode(container.host.network_mode);
    std::vector<network::EndpointWish> wishes;
    for (const auto &[name, request] : container.networking) {
        network::EndpointWish wish{
            .network = name, .v4 = request.ipv4_address, .v6 = request.ipv6_address, .mac = request.mac_address};
        if (name != main) {
            wishes.push_back(std::move(wish));
            continue;
        }
        wish.mac = wish.mac.empty() ? container.config.mac_address : wish.mac;
        wishes.insert(wishes.begin(), std::move(wish));
    }
    return wishes;
}

} // namespace ballast::engine
