// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/net_devices.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <limits>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <optional>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/quote.h"
#include "runtime/isolate/rtnetlink.h"

namespace ballast::isolate {
namespace {

// What somebody chose about an address. The others tell its state, which the kernel finds anew.
constexpr std::uint32_t kChosenAddressFlags =
    IFA_F_NODAD | IFA_F_OPTIMISTIC | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
// Not IFA_LABEL: it begins with the device's old name, and the kernel makes one of the new.
constexpr std::array<std::uint16_t, 6> kKeptAttributes = {IFA_ADDRESS,   IFA_LOCAL,       IFA_BROADCAST,
                                                          IFA_CACHEINFO, IFA_RT_PRIORITY, IFA_PROTO};

struct Address {
    ifaddrmsg header{};
    std::uint32_t flags = 0; // IFA_F_*
    std::vector<std::pair<std::uint16_t, std::string>> attributes;
};

struct Device {
    std::string name;   // the kernel's own, where the specification may use another name of it
    std::string inside; // name or template
    int index = 0;
    int index_inside = 0;
    bool up = false;
    std::vector<Address> addresses;
};

// One of the two network namespaces.
struct Side {
    RtNetlink netlink;
    Fd network_namespace;
};

ifinfomsg link_header(int index) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    return header;
}

Result<Device> find_device(RtNetlink &netlink, const std::string &name) {
    NetlinkRequest request(RTM_GETLINK, 0, link_header(0));
    request.add_text(IFLA_IFNAME, name);
    const std::vector<RtNetlink::Reply> replies = TRY(netlink.ask(std::move(request)));
    if (replies.size() != 1 || replies[0].type != RTM_NEWLINK) {
        return fail(EBADMSG, "the kernel does not describe it");
    }
    std::string_view rest = replies[0].payload;
    const ifinfomsg header = TRY(take_header<ifinfomsg>(rest));
    Device device;
    device.index = header.ifi_index;
    device.up = (header.ifi_flags & IFF_UP) != 0;
    while (const std::optional<NetlinkAttribute> attribute = TRY(take_attribute(rest))) {
        if (attribute->type == IFLA_IFNAME) {
            device.name = attribute->text();
        }
    }
    if (device.index <= 0 || device.name.empty()) {
        return fail(EBADMSG, "the kernel does not tell its index and name");
    }
    return device;
}

Result<bool> has_device(RtNetlink &netlink, int index) {
    const Result<std::vector<RtNetlink::Reply>> found = netlink.ask(NetlinkRequest(RTM_GETLINK, 0, link_header(index)));
    if (found.has_value()) {
        return true;
    }
    if (found.error().code == ENODEV) {
        return false;
    }
    return std::unexpected(found.error());
}

Result<Address> read_address(std::string_view payload) {
    Address address;
    address.header = TRY(take_header<ifaddrmsg>(payload));
    address.flags = address.header.ifa_flags;
    while (const std::optional<NetlinkAttribute> attribute = TRY(take_attribute(payload))) {
        if (attribute->type == IFA_FLAGS) {
            address.flags = front_as<std::uint32_t>(attribute->value).value_or(address.flags);
        } else if (std::ranges::contains(kKeptAttributes, attribute->type)) {
            address.attributes.emplace_back(attribute->type, attribute->value);
        }
    }
    return address;
}

// The permanent ones of global scope, in the kernel's order: the first of an IPv4 network stays the primary one.
Result<std::vector<Address>> addresses_of(RtNetlink &netlink, int index) {
    ifaddrmsg header{};
    header.ifa_family = AF_UNSPEC;
    header.ifa_index = static_cast<std::uint32_t>(index);
    std::vector<Address> addresses;
    for (const RtNetlink::Reply &reply : TRY(netlink.ask(NetlinkRequest(RTM_GETADDR, NLM_F_DUMP, header)))) {
        if (reply.type != RTM_NEWADDR) {
            continue;
        }
        Address address = TRY(read_address(reply.payload));
        if (address.header.ifa_index == header.ifa_index && address.header.ifa_scope == RT_SCOPE_UNIVERSE &&
            (address.flags & IFA_F_PERMANENT) != 0) {
            addresses.push_back(std::move(address));
        }
    }
    return addresses;
}

std::string text_of(const Address &address) {
    std::string bytes;
    for (const auto &[type, value] : address.attributes) {
        if (type == IFA_LOCAL || (type == IFA_ADDRESS && bytes.empty())) { // the other one is the peer's
            bytes = value;
        }
    }
    const int family = address.header.ifa_family;
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool known = (family == AF_INET && bytes.size() == sizeof(in_addr)) ||
                       (family == AF_INET6 && bytes.size() == sizeof(in6_addr));
    if (!known || inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) {
        return "of family " + std::to_string(family);
    }
    return std::string(text.data()) + "/" + std::to_string(address.header.ifa_prefixlen);
}

Status add_address(RtNetlink &netlink, int index, const Address &address) {
    ifaddrmsg header = address.header;
    const std::uint32_t flags = address.flags & kChosenAddressFlags;
    header.ifa_index = static_cast<std::uint32_t>(index);
    header.ifa_flags = static_cast<std::uint8_t>(flags); // the low ones only; the attribute has all
    NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
    request.add_number(IFA_FLAGS, flags);
    for (const auto &[type, value] : address.attributes) {
        request.add(type, value);
    }
    return netlink.change(std::move(request)).within("add address " + text_of(address));
}

Status set_up(RtNetlink &netlink, int index) {
    ifinfomsg header = link_header(index);
    header.ifi_flags = IFF_UP;
    header.ifi_change = IFF_UP;
    return netlink.change(NetlinkRequest(RTM_NEWLINK, 0, header)).within("set it up");
}

Status configure(RtNetlink &netlink, int index, const std::vector<Address> &addresses, bool up) {
    for (const Address &address : addresses) {
        TRY(add_address(netlink, index, address));
    }
    return up ? set_up(netlink, index) : Status();
}

// Moves and renames in one request. We say which index it gets, since a template leaves the name open. `new_index`
// begins as the wanted one and goes on to the next while that is in use.
Status transfer(RtNetlink &from, int index, Side &to, const std::string &name, int &new_index) {
    for (;;) {
        NetlinkRequest request(RTM_NEWLINK, 0, link_header(index));
        request.add_number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(to.network_namespace.get()));
        request.add_number(IFLA_NEW_IFINDEX, static_cast<std::int32_t>(new_index));
        request.add_text(IFLA_IFNAME, name);
        Status moved = from.change(std::move(request));
        // Drivers, too, may answer EBUSY.
        if (moved.has_value() || moved.error().code != EBUSY || !TRY(has_device(to.netlink, new_index))) {
            return moved;
        }
        new_index = new_index == std::numeric_limits<int>::max() ? 1 : new_index + 1;
    }
}

Status bring_back(Side &here, Side &there, const Device &device) {
    int index = device.index;
    TRY(transfer(there.netlink, device.index_inside, here, device.name, index));
    return configure(here.netlink, index, device.addresses, device.up);
}

// `moved` tells also after a failure: the kernel moves a device first, under its old name where that is free, and when
// it cannot have the new name then, it stays there.
Status move_device(Side &here, Side &there, Device &device, bool &moved) {
    device.index_inside = device.index;
    const Status done = transfer(here.netlink, device.index, there, device.inside, device.index_inside);
    if (!done.has_value()) {
        // ENODEV: it went away meanwhile, and its index inside is perhaps another's. A failure to look is no reason to
        // hide the first one: what cannot be seen cannot be brought back, either.
        moved = done.error().code != ENODEV && !has_device(here.netlink, device.index).value_or(true);
        return done;
    }
    moved = true;
    return configure(there.netlink, device.index_inside, device.addresses, true);
}

std::string describe(const Device &device) {
    std::string text = "move network device " + quote(device.name) + " into the container";
    if (device.inside != device.name) {
        text += " as " + quote(device.inside);
    }
    return text;
}

Status move_all(Side &here, Side &there, std::vector<Device> &devices) {
    for (std::size_t i = 0; i < devices.size(); ++i) {
        bool moved = false;
        Status done = move_device(here, there, devices[i], moved).within(describe(devices[i]));
        if (done.has_value()) {
            continue;
        }
        for (std::size_t left = moved ? i + 1 : i; left-- > 0;) {
            if (const Status back = bring_back(here, there, devices[left]); !back.has_value()) {
                done.error().message +=
                    "; moving " + quote(devices[left].name) + " back failed, too: " + back.error().message;
            }
        }
        return done;
    }
    return {};
}

// Nothing has changed yet when one of them cannot be found.
Result<std::vector<Device>> find_all(RtNetlink &netlink, const std::map<std::string, std::string> &names) {
    std::vector<Device> devices;
    devices.reserve(names.size());
    for (const auto &[name, inside] : names) {
        const std::string what = "network device " + quote(name);
        Device device = TRY(find_device(netlink, name).within(what));
        device.inside = inside;
        for (const Device &other : devices) { // by an alternative name
            if (other.index == device.index) {
                return fail(EINVAL, what + ": is given twice, the other time as " + quote(other.name));
            }
        }
        device.addresses = TRY(addresses_of(netlink, device.index).within(what + ": list its addresses"));
        devices.push_back(std::move(device));
    }
    return devices;
}

Result<Side> side_of(RtNetlink netlink) {
    Fd network_namespace = TRY(netlink.network_namespace());
    return Side{std::move(netlink), std::move(network_namespace)};
}

Result<bool> same_namespace(const Side &one, const Side &other) {
    struct stat first{};
    struct stat second{};
    if (fstat(one.network_namespace.get(), &first) != 0 || fstat(other.network_namespace.get(), &second) != 0) {
        return fail_errno("compare the network namespaces");
    }
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

} // namespace

Status move_net_devices(const std::map<std::string, std::string> &devices, pid_t pid) {
    if (devices.empty()) {
        return {};
    }
    const std::string what = "move network devices";
    RtNetlink netlink = TRY(RtNetlink::open().within(what));
    std::vector<Device> found = TRY(find_all(netlink, devices));
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process.is_open()) {
        return fail_errno(what + ": open process " + std::to_string(pid));
    }
    Side here = TRY(side_of(std::move(netlink)).within(what));
    Side there = TRY(side_of(TRY(RtNetlink::open_at(process).within(what))).within(what));
    if (TRY(same_namespace(here, there).within(what))) {
        return fail(EINVAL, what + ": the container shares the network namespace of the runtime");
    }
    return move_all(here, there, found);
}

} // namespace ballast::isolate
