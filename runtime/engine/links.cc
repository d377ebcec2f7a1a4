// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/links.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/quote.h"
#include "runtime/network/port_requests.h"

namespace ballast::engine {
namespace {

struct Port {
    unsigned number = 0;
    std::string protocol = {};
};

std::string upper_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

// The lowest first, of one number that of TCP.
std::vector<Port> ports_of(const Snapshot &container) {
    std::vector<Port> ports;
    for (const std::string &exposed : container.config.exposed_ports) {
        const Result<network::ContainerPorts> range = network::parse_container_ports(exposed);
        for (unsigned number = range ? range->first : 1; range && number <= range->last; number++) {
            ports.push_back({.number = number, .protocol = network::protocol_name(range->protocol)});
        }
    }
    std::ranges::sort(ports, [](const Port &one, const Port &other) {
        return one.number != other.number ? one.number < other.number
                                          : one.protocol == "tcp" && other.protocol != "tcp";
    });
    return ports;
}

} // namespace

Result<Link> parse_link(const std::string &text) {
    if (text.empty()) {
        return fail(EINVAL, "empty string specified for links");
    }
    const std::size_t colon = text.find(':');
    Link link{.container = text.substr(0, colon), .alias = colon == std::string::npos ? text : text.substr(colon + 1)};
    if (link.alias.contains(':') || link.alias.empty() || link.container.empty()) {
        return fail(EINVAL, "bad format for links: " + escaped(text));
    }
    if (link.container.starts_with('/')) {
        link.container.erase(0, 1);
        link.alias.erase(0, link.alias.rfind('/') + 1);
    }
    return link;
}

Texts link_environment(const std::string &own, const std::string &alias, const Snapshot &linked,
                       const std::string &address) {
    std::string prefix = upper_case(alias);
    std::ranges::replace(prefix, '-', '_');
    Texts env;
    const std::vector<Port> ports = ports_of(linked);
    for (const Port &port : ports) {
        const std::string number = std::to_string(port.number), place = port.protocol + "://" + address + ":" + number;
        if (&port == &ports.front()) {
            env.push_back(prefix + "_PORT=" + place);
        }
        const std::string name = prefix + "_PORT_" + number + "_" + upper_case(port.protocol);
        env.insert(env.end(), {name + "=" + place, name + "_ADDR=" + address, name + "_PORT=" + number,
                               name + "_PROTO=" + port.protocol});
    }
    env.push_back(prefix + "_NAME=/" + own + "/" + alias);
    for (const std::string &entry : linked.config.env) {
        if (entry.contains('=') && !entry.starts_with("HOME=") && !entry.starts_with("PATH=")) {
            env.push_back(prefix + "_ENV_" + entry);
        }
    }
    return env;
}

std::string link_names(const std::string &alias, const Snapshot &linked) {
    return alias + " " + linked.config.hostname + (alias == linked.name ? "" : " " + linked.name);
}

} // namespace ballast::engine
