// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/netlink.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <functional>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <span>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/quote.h"

namespace ballast::network {
namespace {

constexpr std::size_t kReceived = 64UL << 10;
constexpr std::size_t kMacSize = 6;
constexpr int kDumpAttempts = 8;
constexpr std::size_t kBatch = 16; // requests in one write

struct SocketDeleter {
    void operator()(nl_sock *socket) const { nl_socket_free(socket); }
};
using SocketPtr = std::unique_ptr<nl_sock, SocketDeleter>;

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

// What the kernel says beside its number (NETLINK_EXT_ACK).
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

// Calls `take` with each message of what was received.
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

std::optional<Subnet> read_subnet(const nlattr *attribute, int family, unsigned prefix) {
    Subnet subnet{.address = Address::any(family == AF_INET6 ? Family::kV6 : Family::kV4), .prefix = prefix};
    if (attribute == nullptr || (family != AF_INET && family != AF_INET6) ||
        static_cast<unsigned>(nla_len(attribute)) != subnet.address.bits() / 8) {
        return std::nullopt;
    }
    std::memcpy(subnet.address.bytes.data(), nla_data(attribute), subnet.address.bits() / 8);
    return subnet;
}

std::uint8_t family_number(Family family) { return family == Family::kV4 ? AF_INET : AF_INET6; }

} // namespace

std::optional<std::string> mac_bytes(const std::string &text) {
    std::string bytes;
    constexpr std::size_t kLength = kMacSize * 3 - 1;
    for (std::size_t at = 0; text.size() == kLength && at < kLength; at += 3) {
        const auto digit = [&text](std::size_t place) {
            return std::isxdigit(static_cast<unsigned char>(text[place]));
        };
        const bool separated = at + 2 == kLength || text[at + 2] == ':' || text[at + 2] == '-';
        if (digit(at) == 0 || digit(at + 1) == 0 || !separated) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16)));
    }
    const bool group = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 1U) != 0;
    if (bytes.size() != kMacSize || group || bytes.find_first_not_of('\0') == std::string::npos) {
        return std::nullopt;
    }
    return bytes;
}

std::string mac_text(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += text.empty() ? "" : ":";
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 0xfU];
    }
    return text;
}

// A message that is being written. Out of memory ends the program, as everywhere.
class NetlinkChanges::Message {
  public:
    template <typename Header>
    Message(int type, int flags, const Header &header) : message_(nlmsg_alloc()) {
        if (message_ == nullptr || nlmsg_put(message_, 0, 0, type, 0, flags | NLM_F_REQUEST) == nullptr ||
            nlmsg_append(message_, const_cast<Header *>(&header), sizeof header, NLMSG_ALIGNTO) != 0) {
            throw std::bad_alloc();
        }
    }
    Message(const Message &) = delete;
    Message &operator=(const Message &) = delete;
    ~Message() { nlmsg_free(message_); }

    Message &put(int type, std::string_view value) {
        return check(nla_put(message_, type, static_cast<int>(value.size()), value.data()));
    }
    Message &put_text(int type, const std::string &text) { return check(nla_put_string(message_, type, text.c_str())); }
    Message &put_number(int type, std::uint32_t number) { return check(nla_put_u32(message_, type, number)); }
    Message &put_byte(int type, std::uint8_t number) { return check(nla_put_u8(message_, type, number)); }
    Message &append(const ifinfomsg &header) {
        return check(nlmsg_append(message_, const_cast<ifinfomsg *>(&header), sizeof header, NLMSG_ALIGNTO));
    }
    // Attributes that `fill` puts stand inside of one.
    Message &nest(int type, const std::function<void()> &fill) {
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
    Message &check(int result) {
        if (result < 0) {
            throw std::bad_alloc();
        }
        return *this;
    }
    nl_msg *message_;
};

namespace {

ifinfomsg link_header(unsigned index = 0, unsigned flags = 0, unsigned change = 0) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(index);
    header.ifi_flags = flags;
    header.ifi_change = change;
    return header;
}

constexpr int kMake = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;

} // namespace

void NetlinkChanges::push(Message &message, std::string what, std::initializer_list<int> tolerated) {
    requests_.push_back({.bytes = message.bytes(), .what = std::move(what), .tolerated = tolerated});
}

void NetlinkChanges::add_bridge(const std::string &name, const std::string &mac, int mtu) {
    Message message(RTM_NEWLINK, kMake, link_header(0, IFF_UP, IFF_UP));
    message.put_text(IFLA_IFNAME, name).put(IFLA_ADDRESS, mac_bytes(mac).value_or(""));
    message.nest(IFLA_LINKINFO, [&message] { message.put_text(IFLA_INFO_KIND, "bridge"); });
    push(message, "add bridge " + name, {EEXIST});
    set_mtu(name, mtu); // said by itself: then ports with another do not change it
}

void NetlinkChanges::add_veth(const VethSpec &veth) {
    Message message(RTM_NEWLINK, kMake, link_header(0, IFF_UP, IFF_UP));
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
    Message message(RTM_NEWLINK, NLM_F_ACK, link_header(index, IFF_UP, IFF_UP));
    push(message, "set interface " + std::to_string(index) + " up");
}

void NetlinkChanges::set_down(unsigned index) {
    Message message(RTM_NEWLINK, NLM_F_ACK, link_header(index, 0, IFF_UP));
    push(message, "set interface " + std::to_string(index) + " down");
}

void NetlinkChanges::set_mtu(const std::string &name, int mtu) {
    Message message(RTM_NEWLINK, NLM_F_ACK, link_header());
    message.put_text(IFLA_IFNAME, name).put_number(IFLA_MTU, static_cast<std::uint32_t>(mtu));
    push(message, "set MTU " + std::to_string(mtu) + " of " + name);
}

void NetlinkChanges::set_mac(unsigned index, const std::string &mac) {
    Message message(RTM_NEWLINK, NLM_F_ACK, link_header(index));
    message.put(IFLA_ADDRESS, mac_bytes(mac).value_or(""));
    push(message, "set the MAC address of interface " + std::to_string(index));
}

void NetlinkChanges::set_master(const std::string &name, unsigned bridge) {
    Message message(RTM_NEWLINK, NLM_F_ACK, link_header());
    message.put_text(IFLA_IFNAME, name).put_number(IFLA_MASTER, bridge);
    push(message, "make " + name + " a port of its bridge");
}

void NetlinkChanges::set_port(const std::string &name, bool isolated, bool hairpin) {
    Message message(RTM_NEWLINK, NLM_F_ACK, link_header());
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
    Message message(RTM_DELLINK, NLM_F_ACK, link_header());
    message.put_text(IFLA_IFNAME, name);
    push(message, "delete interface " + name, {ENODEV});
}

void NetlinkChanges::add_address(unsigned index, const Subnet &address) {
    ifaddrmsg header{};
    header.ifa_family = family_number(address.family());
    header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
    header.ifa_index = index;
    Message message(RTM_NEWADDR, kMake, header);
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
    Message message(RTM_DELADDR, NLM_F_ACK, header);
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
    Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, header);
    message.put(RTA_GATEWAY, gateway.raw()).put_number(RTA_OIF, index);
    push(message, "set the default route to " + gateway.text());
}

void NetlinkChanges::delete_default_route(Family family) {
    rtmsg header{};
    header.rtm_family = family_number(family);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_scope = RT_SCOPE_NOWHERE; // any
    Message message(RTM_DELROUTE, NLM_F_ACK, header);
    push(message, "delete the default route", {ESRCH, ENOENT, EOPNOTSUPP, EAFNOSUPPORT}); // none, or no such family
}

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
    NetlinkChanges::Message message(RTM_GETLINK, 0, link_header());
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
    const NetlinkChanges::Message message(RTM_GETLINK, NLM_F_DUMP, link_header());
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
    const NetlinkChanges::Message message(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
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
    const NetlinkChanges::Message message(RTM_GETROUTE, NLM_F_DUMP, rtmsg{});
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

namespace {

// What one transaction after the other did to a table.
class TableWatch {
  public:
    // True at the end of a transaction that took something away. What replaces the whole table, as we do, has a new one
    // in it; elements alone come and go with our containers, so there it counts whose transaction it was.
    bool take(nlmsghdr *header, const std::string &table) {
        std::array<nlattr *, NFTA_RULE_MAX + 1> attributes{}; // the largest of the kinds that are looked at
        if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
            nlmsg_parse(header, sizeof(nfgenmsg), attributes.data(), NFTA_RULE_MAX, nullptr) < 0) {
            return false;
        }
        const int type = NFNL_MSG_TYPE(header->nlmsg_type);
        if (type == NFT_MSG_NEWGEN) {
            return end(attributes[NFTA_GEN_PROC_NAME]);
        }
        // The first attribute of tables, chains, rules, sets and elements is the table's name.
        if (attributes[NFTA_TABLE_NAME] == nullptr || text_of(attributes[NFTA_TABLE_NAME]) != table) {
            return false;
        }
        constexpr std::array kStructure = {NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_DELRULE, NFT_MSG_DELSET};
        structure_ = type != NFT_MSG_NEWTABLE && (structure_ || std::ranges::contains(kStructure, type));
        elements_ = type != NFT_MSG_NEWTABLE && (elements_ || type == NFT_MSG_DELSETELEM);
        return false;
    }

  private:
    bool end(const nlattr *process) {
        std::array<char, 16> own{};
        (void)prctl(PR_GET_NAME, own.data()); // cannot fail
        const bool ours = process != nullptr && text_of(process) == own.data();
        const bool lost = structure_ || (elements_ && !ours);
        structure_ = elements_ = false;
        return lost;
    }

    bool structure_ = false, elements_ = false; // taken away since the last transaction's end
};

} // namespace

struct KernelEvents::Sockets {
    SocketPtr links, tables;
    TableWatch tables_seen;
};

KernelEvents::KernelEvents(std::unique_ptr<Sockets> sockets) : sockets_(std::move(sockets)) {}
KernelEvents::KernelEvents(KernelEvents &&other) noexcept = default;
KernelEvents &KernelEvents::operator=(KernelEvents &&other) noexcept = default;
KernelEvents::~KernelEvents() = default;

Result<KernelEvents> KernelEvents::open() {
    auto sockets = std::make_unique<Sockets>();
    sockets->links = TRY(connect_to(NETLINK_ROUTE));
    sockets->tables = TRY(connect_to(NETLINK_NETFILTER));
    for (const auto &[socket, group] :
         {std::pair<nl_sock *, int>(sockets->links.get(), RTNLGRP_LINK), {sockets->tables.get(), NFNLGRP_NFTABLES}}) {
        if (const int error = nl_socket_add_membership(socket, group); error < 0) {
            return fail(EIO, std::string("listen to the kernel: ") + nl_geterror(error));
        }
        (void)nl_socket_set_nonblocking(socket); // cannot fail on a connected one
    }
    return KernelEvents(std::move(sockets));
}

BorrowedFd KernelEvents::links() const { return BorrowedFd(nl_socket_get_fd(sockets_->links.get())); }
BorrowedFd KernelEvents::tables() const { return BorrowedFd(nl_socket_get_fd(sockets_->tables.get())); }

std::optional<std::vector<std::string>> KernelEvents::take_links() {
    std::vector<std::string> gone;
    std::string buffer;
    for (;;) {
        const Result<std::string_view> received = receive(links().get(), buffer);
        if (!received) {
            return received.error().code == EAGAIN ? std::optional(gone) : std::nullopt; // ENOBUFS
        }
        each_message(*received, [&gone](nlmsghdr *header) {
            if (header->nlmsg_type == RTM_DELLINK &&
                static_cast<const ifinfomsg *>(nlmsg_data(header))->ifi_family == AF_UNSPEC) {
                gone.push_back(read_link(header).name);
            }
        });
    }
}

bool KernelEvents::take_tables(const std::string &name) {
    bool lost = false;
    std::string buffer;
    for (;;) {
        const Result<std::string_view> received = receive(tables().get(), buffer);
        if (!received) {
            return lost || received.error().code != EAGAIN;
        }
        each_message(*received, [&](nlmsghdr *header) { lost = sockets_->tables_seen.take(header, name) || lost; });
    }
}

} // namespace ballast::network
