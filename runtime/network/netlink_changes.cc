// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>

#include "runtime/network/mac_address.h"
#include "runtime/network/netlink_socket.h"

namespace ballast::network {
namespace {

constexpr int kMake = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;

std::uint8_t family_number(Family family) { return family == Family::kV4 ? AF_INET : AF_INET6; }

} // namespace

void NetlinkChanges::push(NetlinkMessage &message, std::string what, std::initializer_list<int> tolerated) {
    requests_.push_back({.bytes = message.bytes(), .what = std::move(what), .tolerated = tolerated});
}

void NetlinkChanges::add_bridge(const std::string &name, const std::string &mac, int mtu) {
    NetlinkMessage message(RTM_NEWLINK, kMake, link_header(0, IFF_UP, IFF_UP));
    message.put_text(IFLA_IFNAME, name).put(IFLA_ADDRESS, mac_bytes(mac).value_or(""));
    message.nest(IFLA_LINKINFO, [&message] { message.put_text(IFLA_INFO_KIND, "bridge"); });
    push(message, "add bridge " + name, {EEXIST});
    set_mtu(name, mtu); // said by itself: then ports with another do not change it
}

void NetlinkChanges::add_veth(const VethSpec &veth) {
    NetlinkMessage message(RTM_NEWLINK, kMake, link_header(0, IFF_UP, IFF_UP));
    message.put_text(IFLA_IFNAME, veth.host_name);
    message.put_number(IFLA_MTU, static_cast<std::uint32_t>(veth.mtu)).put_number(IFLA_MASTER, veth.bridge);
    message.nest(IFLA_LINKINFO, [&message, &veth] {
        message.put_text(IFLA_INFO_KIND, "veth");
        message.nest(IFLA_INFO_DATA, [&message, &veth] {
            message.nest(VETH_INFO_PEER, [&message, &veth] {
                message.append(link_header()); // it cannot be up before it has a peer
                message.put_text(IFLA_IFNAME, veth.container_name);
                message.put(IFLA_ADDRESS, mac_bytes(veth.mac).value_or(""));
                message.put_number(IFLA_MTU, static_cast<std::uint32_t>(veth.mtu));
                message.put_number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(veth.container_namespace));
            });
        });
    });
    push(message, "add interface " + veth.host_name);
    if (veth.isolated || veth.hairpin) {
        set_port(veth.host_name, veth.isolated, veth.hairpin);
    }
}

void NetlinkChanges::set_up(unsigned index) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, link_header(index, IFF_UP, IFF_UP));
    push(message, "set interface " + std::to_string(index) + " up");
}

void NetlinkChanges::set_down(unsigned index) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, link_header(index, 0, IFF_UP));
    push(message, "set interface " + std::to_string(index) + " down");
}

void NetlinkChanges::set_mtu(const std::string &name, int mtu) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, link_header());
    message.put_text(IFLA_IFNAME, name).put_number(IFLA_MTU, static_cast<std::uint32_t>(mtu));
    push(message, "set MTU " + std::to_string(mtu) + " of " + name);
}

void NetlinkChanges::set_mac(unsigned index, const std::string &mac) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, link_header(index));
    message.put(IFLA_ADDRESS, mac_bytes(mac).value_or(""));
    push(message, "set the MAC address of interface " + std::to_string(index));
}

void NetlinkChanges::set_master(const std::string &name, unsigned bridge) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, link_header());
    message.put_text(IFLA_IFNAME, name).put_number(IFLA_MASTER, bridge);
    push(message, "make " + name + " a port of its bridge");
}

void NetlinkChanges::set_port(const std::string &name, bool isolated, bool hairpin) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, link_header());
    message.put_text(IFLA_IFNAME, name);
    message.nest(IFLA_LINKINFO, [&message, isolated, hairpin] {
        message.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
        message.nest(IFLA_INFO_SLAVE_DATA, [&message, isolated, hairpin] {
            message.put_byte(IFLA_BRPORT_ISOLATED, isolated ? 1 : 0).put_byte(IFLA_BRPORT_MODE, hairpin ? 1 : 0);
        });
    });
    push(message, "set port " + name + " of its bridge");
}

void NetlinkChanges::delete_link(const std::string &name) {
    NetlinkMessage message(RTM_DELLINK, NLM_F_ACK, link_header());
    message.put_text(IFLA_IFNAME, name);
    push(message, "delete interface " + name, {ENODEV});
}

void NetlinkChanges::add_address(unsigned index, const Subnet &address) {
    ifaddrmsg header{};
    header.ifa_family = family_number(address.family());
    header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
    header.ifa_index = index;
    NetlinkMessage message(RTM_NEWADDR, kMake, header);
    message.put(IFA_LOCAL, address.address.raw()).put(IFA_ADDRESS, address.address.raw());
    if (address.family() == Family::kV4) {
        if (address.prefix < 31) {
            message.put(IFA_BROADCAST, address.last().raw());
        }
    } else {
        message.put_number(IFA_FLAGS, IFA_F_NODAD);
    }
    push(message, "add address " + address.text(), {EEXIST});
}

void NetlinkChanges::delete_address(unsigned index, const Subnet &address) {
    ifaddrmsg header{};
    header.ifa_family = family_number(address.family());
    header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
    header.ifa_index = index;
    NetlinkMessage message(RTM_DELADDR, NLM_F_ACK, header);
    message.put(IFA_LOCAL, address.address.raw()).put(IFA_ADDRESS, address.address.raw());
    push(message, "delete address " + address.text(), {EADDRNOTAVAIL});
}

void NetlinkChanges::set_default_route(unsigned index, const Address &gateway) {
    rtmsg header{};
    header.rtm_family = family_number(gateway.family);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_BOOT;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_UNICAST;
    NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, header);
    message.put(RTA_GATEWAY, gateway.raw()).put_number(RTA_OIF, index);
    push(message, "set the default route to " + gateway.text());
}

void NetlinkChanges::delete_default_route(Family family) {
    rtmsg header{};
    header.rtm_family = family_number(family);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_scope = RT_SCOPE_NOWHERE; // any
    NetlinkMessage message(RTM_DELROUTE, NLM_F_ACK, header);
    push(message, "delete the default route", {ESRCH, ENOENT, EOPNOTSUPP, EAFNOSUPPORT}); // none, or no such family
}

} // namespace ballast::network
