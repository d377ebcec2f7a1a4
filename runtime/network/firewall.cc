// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/firewall.h"

#include <algorithm>
#include <format>

namespace ballast::network {
namespace {

// Keys of published ports: those of one address of the host before those of all.
constexpr const char *kSets = R"(
	map published4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
	map published6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
	map published_any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
	map published_any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
)";

// Whatever reaches containers is an answer, was published, or comes from where their network is open to. 127.0.0.1 and
// ::1 are left alone here: an address of the loopback interface must not leave it, and route_localnet stays 0.
constexpr const char *kChains = R"(
	chain published {
		dnat ip to ip daddr . meta l4proto . th dport map @published4
		dnat ip to meta l4proto . th dport map @published_any4
		dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6
		dnat ip6 to meta l4proto . th dport map @published_any6
	}
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		meta nfproto @unfiltered return
		fib daddr type local jump published
	}
	chain output {
		type nat hook output priority dstnat; policy accept;
		meta nfproto @unfiltered return
		ip daddr 127.0.0.0/8 return
		ip6 daddr ::1 return
		fib daddr type local jump published
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		meta nfproto @unfiltered return
		ct status dnat ip saddr . oifname @own4 masquerade
		ct status dnat ip6 saddr . oifname @own6 masquerade
		ip saddr . oifname @own4 return
		ip6 saddr . oifname @own6 return
		snat ip to ip saddr map @source4
		snat ip6 to ip6 saddr map @source6
		ip saddr @masqueraded4 masquerade
		ip6 saddr @masqueraded6 masquerade
	}
	chain to_container {
		ct status dnat accept
		drop
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		meta nfproto @unfiltered return
		ct state established,related accept
		iifname . oifname @open accept
		iifname @internal drop
		oifname @internal drop
		oifname @bridges jump to_container
		iifname @bridges accept
)";

constexpr const char *kGuard = R"(		meta iifkind != "none" accept
		meta oifkind != "none" accept
		drop
)";

class SetText {
  public:
    SetText(const char *kind, const char *name, const char *type)
        : head_(std::format("\t{} {} {{ {}; ", kind, name, type)) {}
    void add(const std::string &element) { elements_ += (elements_.empty() ? "" : ", ") + element; }
    std::string text() const { return head_ + (elements_.empty() ? "" : "elements = { " + elements_ + " } ") + "}\n"; }

  private:
    std::string head_, elements_;
};

std::string network_sets(const FirewallPlan &plan) {
    SetText unfiltered("set", "unfiltered", "type nf_proto");
    SetText bridges("set", "bridges", "type ifname");
    SetText internal("set", "internal", "type ifname");
    SetText open("set", "open", "type ifname . ifname");
    SetText own4("set", "own4", "type ipv4_addr . ifname; flags interval");
    SetText own6("set", "own6", "type ipv6_addr . ifname; flags interval");
    SetText masqueraded4("set", "masqueraded4", "type ipv4_addr; flags interval");
    SetText masqueraded6("set", "masqueraded6", "type ipv6_addr; flags interval");
    SetText source4("map", "source4", "type ipv4_addr : ipv4_addr; flags interval");
    SetText source6("map", "source6", "type ipv6_addr : ipv6_addr; flags interval");
    if (!plan.ipv4) {
        unfiltered.add("ipv4");
    }
    if (!plan.ipv6) {
        unfiltered.add("ipv6");
    }
    for (const Network &network : plan.networks) {
        const std::string bridge = "\"" + network.bridge + "\"";
        bridges.add(bridge);
        if (network.internal) {
            internal.add(bridge);
        }
        if (network.icc) {
            open.add(bridge + " . " + bridge);
        }
        for (const Pool &pool : network.pools) {
            const bool v4 = pool.subnet.family() == Family::kV4;
            const std::string subnet = pool.subnet.network().text();
            (v4 ? own4 : own6).add(subnet + " . " + bridge);
            if (network.internal || !network.masquerade) {
                continue;
            }
            (v4 ? masqueraded4 : masqueraded6).add(subnet);
            if (const std::optional<Address> &source = v4 ? network.source_v4 : network.source_v6) {
                (v4 ? source4 : source6).add(subnet + " : " + source->text());
            }
        }
    }
    std::string text;
    for (const SetText *set :
         {&unfiltered, &bridges, &internal, &open, &own4, &own6, &masqueraded4, &masqueraded6, &source4, &source6}) {
        text += set->text();
    }
    return text;
}

// What never reaches a map: the host's loopback, and IPv4 behind ::, which no packet can be turned into.
bool is_translated(const PublishedPort &port, const FirewallPlan &plan) {
    const bool v4 = port.host_address.family == Family::kV4;
    return !port.host_address.is_loopback() && port.host_address.family == port.container_address.family &&
           (v4 ? plan.ipv4 : plan.ipv6);
}

std::string map_name(const PublishedPort &port) {
    return std::string(port.host_address.is_any() ? "published_any" : "published") +
           (port.host_address.family == Family::kV4 ? "4" : "6");
}

std::string key_of(const PublishedPort &port) {
    const std::string address = port.host_address.is_any() ? "" : port.host_address.text() + " . ";
    return address + protocol_name(port.protocol) + " . " + std::to_string(port.host_port);
}

std::string elements(const char *verb, const std::vector<PublishedPort> &ports, const FirewallPlan &plan, bool values) {
    std::map<std::string, std::string> by_map;
    for (const PublishedPort &port : ports) {
        if (!is_translated(port, plan)) {
            continue;
        }
        std::string &list = by_map[map_name(port)];
        list += (list.empty() ? "" : ", ") + key_of(port);
        if (values) {
            list += " : " + port.container_address.text() + " . " + std::to_string(port.container_port);
        }
    }
    std::string commands;
    for (const auto &[name, list] : by_map) {
        commands += std::format("{} element inet {} {} {{ {} }}\n", verb, kTable, name, list);
    }
    return commands;
}

} // namespace

std::string firewall_commands(const FirewallPlan &plan) {
    // The first line makes the second one possible when there is none yet.
    return std::format("table inet {0}\ndelete table inet {0}\ntable inet {0} {{", kTable) + kSets +
           network_sets(plan) + kChains + (plan.guard_forwarding ? kGuard : "") + "\t}\n}\n" +
           add_commands(plan.ports, plan);
}

std::string add_commands(const std::vector<PublishedPort> &ports, const FirewallPlan &plan) {
    return elements("add", ports, plan, true);
}

std::string remove_commands(const std::vector<PublishedPort> &ports, const FirewallPlan &plan) {
    return elements("delete", ports, plan, false);
}

} // namespace ballast::network
