// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <linux/rtnetlink.h>
#include <memory>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/network/netlink.h"

// libnl, for the files that speak netlink(7): sockets, and messages as they come and go.
namespace ballast::network {

struct SocketDeleter {
    void operator()(nl_sock *socket) const { nl_socket_free(socket); }
};
using SocketPtr = std::unique_ptr<nl_sock, SocketDeleter>;

Result<SocketPtr> connect_to(int protocol); // NETLINK_ROUTE, NETLINK_NETFILTER

// The next datagram of the kernel, in `buffer`. EAGAIN and ENOBUFS as recvfrom(2) has them.
Result<std::string_view> receive(int socket, std::string &buffer);
// Calls `take` with each message of what was received.
void each_message(std::string_view received, const std::function<void(nlmsghdr *)> &take);

std::string text_of(const nlattr *attribute);
// What the kernel says beside its number (NETLINK_EXT_ACK): " (words)", or nothing.
std::string words_of(nlmsghdr *header);
Link read_link(nlmsghdr *header);

ifinfomsg link_header(unsigned index = 0, unsigned flags = 0, unsigned change = 0);

// A message that is being written. Out of memory ends the program, as everywhere.
class NetlinkMessage {
  public:
    template <typename Header>
    NetlinkMessage(int type, int flags, const Header &header) : message_(nlmsg_alloc()) {
        if (message_ == nullptr || nlmsg_put(message_, 0, 0, type, 0, flags | NLM_F_REQUEST) == nullptr ||
            nlmsg_append(message_, const_cast<Header *>(&header), sizeof header, NLMSG_ALIGNTO) != 0) {
            throw std::bad_alloc();
        }
    }
    NetlinkMessage(const NetlinkMessage &) = delete;
    NetlinkMessage &operator=(const NetlinkMessage &) = delete;
    ~NetlinkMessage() { nlmsg_free(message_); }

    NetlinkMessage &put(int type, std::string_view value) {
        return check(nla_put(message_, type, static_cast<int>(value.size()), value.data()));
    }
    NetlinkMessage &put_text(int type, const std::string &text) {
        return check(nla_put_string(message_, type, text.c_str()));
    }
    NetlinkMessage &put_number(int type, std::uint32_t number) { return check(nla_put_u32(message_, type, number)); }
    NetlinkMessage &put_byte(int type, std::uint8_t number) { return check(nla_put_u8(message_, type, number)); }
    NetlinkMessage &append(const ifinfomsg &header) {
        return check(nlmsg_append(message_, const_cast<ifinfomsg *>(&header), sizeof header, NLMSG_ALIGNTO));
    }
    // Attributes that `fill` puts stand inside of one.
    NetlinkMessage &nest(int type, const std::function<void()> &fill) {
        nlattr *start = nla_nest_start(message_, type);
        if (start == nullptr) {
            throw std::bad_alloc();
        }
        fill();
        nla_nest_end(message_, start);
        return *this;
    }
    std::string bytes() const {
        const nlmsghdr *header = nlmsg_hdr(message_);
        return {reinterpret_cast<const char *>(header), NLMSG_ALIGN(header->nlmsg_len)};
    }

  private:
    NetlinkMessage &check(int result) {
        if (result < 0) {
            throw std::bad_alloc();
        }
        return *this;
    }
    nl_msg *message_;
};

} // namespace ballast::network
