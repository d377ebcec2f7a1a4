// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/kernel_events.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/prctl.h>

#include "runtime/network/netlink_socket.h"

namespace ballast::network {
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
