// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/netlink.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <net/if.h>
#include <span>
#include <sys/socket.h>

#include "runtime/network/netlink_socket.h"

namespace ballast::network {
namespace {

constexpr int kDumpAttempts = 8;
constexpr std::size_t kBatch = 16; // requests in one write

std::optional<Subnet> read_subnet(const nlattr *attribute, int family, unsigned prefix) {
    Subnet subnet{.address = Address::any(family == AF_INET6 ? Family::kV6 : Family::kV4), .prefix = prefix};
    if (attribute == nullptr || (family != AF_INET && family != AF_INET6) ||
        static_cast<unsigned>(nla_len(attribute)) != subnet.address.bits() / 8) {
        return std::nullopt;
    }
    std::memcpy(subnet.address.bytes.data(), nla_data(attribute), subnet.address.bits() / 8);
    return subnet;
}

} // namespace

struct Netlink::Socket {
    SocketPtr socket;
    std::uint32_t sequence = 0;
    std::string buffer;

    int fd() const { return nl_socket_get_fd(socket.get()); }
    Status send_all(const std::string &bytes) const {
        return ::send(fd(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size())
                   ? Status()
                   : fail_errno("send to the kernel");
    }
    // Every message that answers to number `sequence`, up to its end.
    Status answers(const std::function<void(nlmsghdr *)> &take, bool &interrupted);
    Status exchange(std::span<const NetlinkChanges::Request> requests);
    Status dump(std::string request, const std::function<void()> &restart, const std::function<void(nlmsghdr *)> &take);
};

Status Netlink::Socket::answers(const std::function<void(nlmsghdr *)> &take, bool &interrupted) {
    Status outcome;
    bool ended = false;
    while (!ended) {
        each_message(TRY(receive(fd(), buffer)), [&](nlmsghdr *header) {
            if (header->nlmsg_seq != sequence || ended) {
                return;
            }
            interrupted = interrupted || (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (header->nlmsg_type == NLMSG_ERROR) {
                const int code = -static_cast<const nlmsgerr *>(nlmsg_data(header))->error;
                outcome = code == 0 ? Status() : fail(code, strerrordesc_np(code) + words_of(header));
                ended = true;
            } else if (header->nlmsg_type == NLMSG_DONE) {
                ended = true;
            } else {
                take(header);
                ended = (header->nlmsg_flags & NLM_F_MULTI) == 0;
            }
        });
    }
    return outcome;
}

Status Netlink::Socket::dump(std::string request, const std::function<void()> &restart,
                             const std::function<void(nlmsghdr *)> &take) {
    for (int attempt = 0; attempt < kDumpAttempts; attempt++) {
        restart();
        reinterpret_cast<nlmsghdr *>(request.data())->nlmsg_seq = ++sequence;
        TRY(send_all(request));
        bool interrupted = false;
        TRY(answers(take, interrupted));
        if (!interrupted) {
            return {};
        }
    }
    return fail(EAGAIN, "the kernel's list keeps changing");
}

Status Netlink::Socket::exchange(std::span<const NetlinkChanges::Request> requests) {
    const std::uint32_t first = sequence + 1;
    std::string bytes;
    for (const NetlinkChanges::Request &request : requests) {
        const std::size_t start = bytes.size();
        bytes += request.bytes;
        reinterpret_cast<nlmsghdr *>(bytes.data() + start)->nlmsg_seq = ++sequence;
    }
    TRY(send_all(bytes));
    Status outcome;
    std::size_t answered = 0;
    while (answered < requests.size()) {
        each_message(TRY(receive(fd(), buffer)), [&](nlmsghdr *header) {
            const std::uint32_t number = header->nlmsg_seq - first;
            if (header->nlmsg_type != NLMSG_ERROR || number >= requests.size()) {
                return;
            }
            answered++;
            const NetlinkChanges::Request &request = requests[number];
            const int code = -static_cast<const nlmsgerr *>(nlmsg_data(header))->error;
            if (code != 0 && outcome && !std::ranges::contains(request.tolerated, code)) {
                outcome = fail(code, request.what + ": " + strerrordesc_np(code) + words_of(header));
            }
        });
    }
    return outcome;
}

Netlink::Netlink(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
Netlink::Netlink(Netlink &&other) noexcept = default;
Netlink &Netlink::operator=(Netlink &&other) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::open() {
    auto socket = std::make_unique<Socket>();
    socket->socket = TRY(connect_to(NETLINK_ROUTE));
    return Netlink(std::move(socket));
}

Status Netlink::apply(const NetlinkChanges &changes) {
    Status outcome;
    // As many at a time as there is room for the answers.
    for (std::size_t first = 0; first < changes.requests_.size(); first += kBatch) {
        const std::size_t count = std::min(changes.requests_.size() - first, kBatch);
        const Status some = socket_->exchange(std::span(changes.requests_).subspan(first, count));
        if (outcome && !some) {
            outcome = some;
        }
    }
    return outcome;
}

Result<std::optional<Link>> Netlink::link(const std::string &name) {
    NetlinkMessage message(RTM_GETLINK, 0, link_header());
    std::string request = message.put_text(IFLA_IFNAME, name).bytes();
    reinterpret_cast<nlmsghdr *>(request.data())->nlmsg_seq = ++socket_->sequence;
    TRY(socket_->send_all(request));
    std::optional<Link> found;
    bool interrupted = false;
    const Status asked = socket_->answers([&found](nlmsghdr *one) { found = read_link(one); }, interrupted);
    if (!asked && asked.error().code == ENODEV) {
        return std::optional<Link>();
    }
    TRY(Status(asked).within("interface " + name));
    return found;
}

Result<std::vector<Link>> Netlink::links() {
    std::vector<Link> all;
    const NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP, link_header());
    TRY(socket_->dump(
        message.bytes(), [&all] { all.clear(); },
        [&all](nlmsghdr *header) {
            if (header->nlmsg_type == RTM_NEWLINK) {
                all.push_back(read_link(header));
            }
        }));
    return all;
}

Result<std::vector<Subnet>> Netlink::addresses(unsigned index) {
    std::vector<Subnet> all;
    const NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
    TRY(socket_->dump(
        message.bytes(), [&all] { all.clear(); },
        [&all, index](nlmsghdr *header) {
            std::array<nlattr *, IFA_MAX + 1> attributes{};
            const auto *info = static_cast<const ifaddrmsg *>(nlmsg_data(header));
            if (info->ifa_index != index ||
                nlmsg_parse(header, sizeof(ifaddrmsg), attributes.data(), IFA_MAX, nullptr) < 0) {
                return;
            }
            const nlattr *own = attributes[IFA_LOCAL] != nullptr ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
            if (const auto subnet = read_subnet(own, info->ifa_family, info->ifa_prefixlen)) {
                all.push_back(*subnet);
            }
        }));
    return all;
}

Result<std::vector<Netlink::Route>> Netlink::routes() {
    std::vector<Route> all;
    const NetlinkMessage message(RTM_GETROUTE, NLM_F_DUMP, rtmsg{});
    TRY(socket_->dump(
        message.bytes(), [&all] { all.clear(); },
        [&all](nlmsghdr *header) {
            std::array<nlattr *, RTA_MAX + 1> attributes{};
            const auto *info = static_cast<const rtmsg *>(nlmsg_data(header));
            if (info->rtm_table != RT_TABLE_MAIN || info->rtm_type != RTN_UNICAST ||
                nlmsg_parse(header, sizeof(rtmsg), attributes.data(), RTA_MAX, nullptr) < 0) {
                return;
            }
            if (const auto subnet = read_subnet(attributes[RTA_DST], info->rtm_family, info->rtm_dst_len)) {
                const nlattr *out = attributes[RTA_OIF];
                all.push_back({.destination = *subnet,
                               .index = out == nullptr ? 0 : nla_get_u32(out),
                               .on_link = attributes[RTA_GATEWAY] == nullptr});
            }
        }));
    return all;
}

} // namespace ballast::network
