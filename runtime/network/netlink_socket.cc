// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/netlink_socket.h"

#include <array>
#include <cerrno>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/quote.h"
#include "runtime/network/mac_address.h"

namespace ballast::network {
namespace {

constexpr std::size_t kReceived = 64UL << 10;

} // namespace

Result<SocketPtr> connect_to(int protocol) {
    SocketPtr socket(nl_socket_alloc());
    if (socket == nullptr) {
        return fail(ENOMEM, "netlink socket: out of memory");
    }
    if (const int error = nl_connect(socket.get(), protocol); error < 0) {
        return fail(EIO, std::string("open a netlink socket: ") + nl_geterror(error));
    }
    const int on = 1;
    for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK}) {
        if (setsockopt(nl_socket_get_fd(socket.get()), SOL_NETLINK, option, &on, sizeof on) != 0) {
            return fail_errno("set up a netlink socket");
        }
    }
    return socket;
}

std::string text_of(const nlattr *attribute) {
    const std::string_view value(static_cast<const char *>(nla_data(attribute)),
                                 static_cast<std::size_t>(nla_len(attribute)));
    return std::string(value.substr(0, value.find('\0')));
}

std::string words_of(nlmsghdr *header) {
    std::array<nlattr *, NLMSGERR_ATTR_MAX + 1> attributes{};
    if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0 ||
        nlmsg_parse(header, sizeof(nlmsgerr), attributes.data(), NLMSGERR_ATTR_MAX, nullptr) < 0 ||
        attributes[NLMSGERR_ATTR_MSG] == nullptr) {
        return {};
    }
    return " (" + escaped(text_of(attributes[NLMSGERR_ATTR_MSG])) + ")";
}

Result<std::string_view> receive(int socket, std::string &buffer) {
    buffer.resize(kReceived);
    for (;;) {
        sockaddr_nl sender{};
        socklen_t size = sizeof sender;
        const ssize_t got =
            recvfrom(socket, buffer.data(), buffer.size(), MSG_TRUNC, reinterpret_cast<sockaddr *>(&sender), &size);
        if (got < 0 && errno != EINTR) {
            return fail_errno("receive from the kernel");
        }
        if (got > static_cast<ssize_t>(buffer.size())) {
            return fail(EMSGSIZE, "the kernel's message is too long: " + std::to_string(got) + " bytes");
        }
        if (got >= 0 && sender.nl_pid == 0) { // else: not from the kernel
            return std::string_view(buffer).substr(0, static_cast<std::size_t>(got));
        }
    }
}

void each_message(std::string_view received, const std::function<void(nlmsghdr *)> &take) {
    std::string copy(received); // aligned for the structures in it
    int left = static_cast<int>(copy.size());
    for (auto *header = reinterpret_cast<nlmsghdr *>(copy.data()); nlmsg_ok(header, left) != 0;
         header = nlmsg_next(header, &left)) {
        take(header);
    }
}

Link read_link(nlmsghdr *header) {
    Link link;
    std::array<nlattr *, IFLA_MAX + 1> attributes{};
    const auto *info = static_cast<const ifinfomsg *>(nlmsg_data(header));
    if (nlmsg_parse(header, sizeof(ifinfomsg), attributes.data(), IFLA_MAX, nullptr) < 0) {
        return link;
    }
    link.index = static_cast<unsigned>(info->ifi_index);
    link.up = (info->ifi_flags & IFF_UP) != 0;
    if (attributes[IFLA_IFNAME] != nullptr) {
        link.name = text_of(attributes[IFLA_IFNAME]);
    }
    if (attributes[IFLA_MASTER] != nullptr) {
        link.master = nla_get_u32(attributes[IFLA_MASTER]);
    }
    if (attributes[IFLA_MTU] != nullptr) {
        link.mtu = static_cast<int>(nla_get_u32(attributes[IFLA_MTU]));
    }
    if (attributes[IFLA_ADDRESS] != nullptr && nla_len(attributes[IFLA_ADDRESS]) == kMacSize) {
        link.mac = mac_text({static_cast<const char *>(nla_data(attributes[IFLA_ADDRESS])), kMacSize});
    }
    std::array<nlattr *, IFLA_INFO_MAX + 1> details{};
    if (attributes[IFLA_LINKINFO] != nullptr &&
        nla_parse_nested(details.data(), IFLA_INFO_MAX, attributes[IFLA_LINKINFO], nullptr) >= 0 &&
        details[IFLA_INFO_KIND] != nullptr) {
        link.kind = text_of(details[IFLA_INFO_KIND]);
    }
    return link;
}

ifinfomsg link_header(unsigned index, unsigned flags, unsigned change) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(index);
    header.ifi_flags = flags;
    header.ifi_change = change;
    return header;
}

} // namespace ballast::network
