// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// rtnetlink(7) without libnl: the runtime is one small static program that asks the kernel four things, and only for
// the few containers that are given devices.
namespace ballast::isolate {

// A request: nlmsghdr, the header of its family (ifinfomsg, ifaddrmsg), attributes.
class NetlinkRequest {
  public:
    // `flags` are NLM_F_* beside NLM_F_REQUEST and NLM_F_ACK, which come by themselves.
    template <typename Header>
        requires std::is_trivially_copyable_v<Header>
    NetlinkRequest(std::uint16_t type, std::uint16_t flags, const Header &header)
        : NetlinkRequest(type, flags, bytes_of(header)) {}

    void add(std::uint16_t type, std::string_view value);
    void add_text(std::uint16_t type, const std::string &text); // with its null byte
    template <typename Value>
        requires std::is_arithmetic_v<Value>
    void add_number(std::uint16_t type, Value number) {
        add(type, bytes_of(number));
    }

    // What to send. EMSGSIZE when an attribute was longer than its 16 bits can say.
    Result<std::string_view> sealed(std::uint32_t sequence);

  private:
    NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::string_view header);
    template <typename Value>
    static std::string_view bytes_of(const Value &value) {
        return {reinterpret_cast<const char *>(&value), sizeof value};
    }

    std::string bytes_;
    bool too_long_ = false;
};

// Views into what was received.
struct NetlinkMessage {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
    std::string_view payload;
};
struct NetlinkAttribute {
    std::uint16_t type = 0; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
    std::string_view value;
    std::string_view text() const { return value.substr(0, value.find('\0')); }
};

// Take the first one off the front of `rest`; none at its end. EBADMSG when a length lies.
Result<std::optional<NetlinkMessage>> take_message(std::string_view &rest);
Result<std::optional<NetlinkAttribute>> take_attribute(std::string_view &rest);

// The first bytes as a Value; none when there are too few.
template <typename Value>
    requires std::is_trivially_copyable_v<Value>
std::optional<Value> front_as(std::string_view bytes) {
    if (bytes.size() < sizeof(Value)) {
        return std::nullopt;
    }
    Value value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

// The header that a payload begins with, moved past. EBADMSG.
template <typename Header>
Result<Header> take_header(std::string_view &payload) {
    const std::optional<Header> header = front_as<Header>(payload);
    if (!header) {
        return fail(EBADMSG, "the kernel's message is cut short");
    }
    // Padded to four bytes, which may be more than there is when no attributes follow.
    payload.remove_prefix(std::min((sizeof(Header) + 3) & ~std::size_t{3}, payload.size()));
    return *header;
}

// NLMSG_ERROR or NLMSG_DONE as a Status: the code, and as the message its text with the kernel's own words
// (NETLINK_EXT_ACK) behind. EBADMSG when it is malformed.
Status read_acknowledgement(const NetlinkMessage &message);

// A socket in one network namespace, for one request at a time.
class RtNetlink {
  public:
    struct Reply {
        std::uint16_t type = 0;
        std::string payload;
    };

    static Result<RtNetlink> open(); // in ours
    // In that of a process. A child of ours joins it and hands the socket over: we stay where we are whatever happens,
    // and only the network namespace is joined, so that the rights over it are ours even if a user namespace owns it.
    static Result<RtNetlink> open_at(BorrowedFd pidfd);

    // Until the kernel has acknowledged it. A dump that changed while it was read is asked for again, some times.
    Result<std::vector<Reply>> ask(NetlinkRequest request);
    Status change(NetlinkRequest request);

    Result<Fd> network_namespace() const; // that of the socket

  private:
    static Result<RtNetlink> over(Fd socket);
    explicit RtNetlink(Fd socket) : socket_(std::move(socket)) {}
    Result<std::string_view> receive();
    Result<std::vector<Reply>> exchange(NetlinkRequest &request, bool &interrupted);

    Fd socket_;
    std::uint32_t sequence_ = 0;
    std::string buffer_;
};

} // namespace ballast::isolate
