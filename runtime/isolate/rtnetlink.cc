// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/rtnetlink.h"

#include <array>
#include <limits>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd_passing.h"
#include "base/quote.h"

namespace ballast::isolate {
namespace {

constexpr std::size_t kMostReceived = 32768; // the kernel's own bound for a part of a dump
constexpr int kDumpAttempts = 8;
constexpr int kMostErrno = 4095; // MAX_ERRNO of the kernel

std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

int open_socket() { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

std::unexpected<Error> malformed(const char *what) {
    return fail(EBADMSG, std::string("the kernel's message has ") + what);
}

// Takes `size` bytes and the padding behind them, which the last one may lack.
void skip(std::string_view &rest, std::size_t size) { rest.remove_prefix(std::min(aligned(size), rest.size())); }

// The kernel's own words, if any.
Result<std::string> words_in(std::string_view attributes) {
    std::string words;
    while (const std::optional<NetlinkAttribute> attribute = TRY(take_attribute(attributes))) {
        if (attribute->type == NLMSGERR_ATTR_MSG) {
            words = escaped(attribute->text());
        }
    }
    return words;
}

// What comes up from the child of open_at(), with the socket beside it when code is 0.
struct Handover {
    std::int32_t code = 0;
};

[[noreturn]] void open_and_send(int pidfd, int channel) {
    Handover handover;
    const int opened = setns(pidfd, CLONE_NEWNET) == 0 ? open_socket() : -1;
    handover.code = opened < 0 ? errno : 0;
    // A failure is the end of file for the parent, who has words for that.
    _exit(send_with_fd(BorrowedFd(channel), &handover, sizeof handover, opened) == sizeof handover ? 0 : 1);
}

Result<Fd> receive_socket(BorrowedFd channel) {
    const std::string what = "open a netlink socket in the network namespace";
    Handover handover;
    int number = -1;
    const ssize_t got = receive_with_fd(channel, &handover, sizeof handover, &number);
    if (got < 0) {
        return fail_errno(what);
    }
    Fd passed(number);
    if (got == sizeof handover && handover.code != 0) {
        return fail_errno(what, handover.code);
    }
    if (got != sizeof handover || !passed.is_open()) {
        return fail(EIO, what + ": the process that does it ended early");
    }
    return passed;
}

} // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::string_view header)
    : bytes_(sizeof(nlmsghdr), '\0') {
    nlmsghdr start{};
    start.nlmsg_type = type;
    start.nlmsg_flags = flags | NLM_F_REQUEST;
    if ((flags & NLM_F_DUMP) != NLM_F_DUMP) {
        start.nlmsg_flags |= NLM_F_ACK; // a dump has an end of its own
    }
    std::memcpy(bytes_.data(), &start, sizeof start);
    bytes_.append(header);
    bytes_.resize(aligned(bytes_.size()));
}

void NetlinkRequest::add(std::uint16_t type, std::string_view value) {
    if (value.size() > std::numeric_limits<std::uint16_t>::max() - sizeof(nlattr)) {
        too_long_ = true;
        return;
    }
    const nlattr start{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
    bytes_.append(bytes_of(start));
    bytes_.append(value);
    bytes_.resize(aligned(bytes_.size()));
}

void NetlinkRequest::add_text(std::uint16_t type, const std::string &text) {
    add(type, std::string_view(text.c_str(), text.size() + 1));
}

Result<std::string_view> NetlinkRequest::sealed(std::uint32_t sequence) {
    if (too_long_) {
        return fail(EMSGSIZE, "a netlink attribute is too long");
    }
    nlmsghdr start = *front_as<nlmsghdr>(bytes_); // the constructor put it there
    start.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    start.nlmsg_seq = sequence;
    std::memcpy(bytes_.data(), &start, sizeof start);
    return bytes_;
}

Result<std::optional<NetlinkMessage>> take_message(std::string_view &rest) {
    if (rest.empty()) {
        return std::nullopt;
    }
    const std::optional<nlmsghdr> start = front_as<nlmsghdr>(rest);
    if (!start || start->nlmsg_len < sizeof(nlmsghdr) || start->nlmsg_len > rest.size()) {
        return malformed("a wrong length");
    }
    const NetlinkMessage message{start->nlmsg_type, start->nlmsg_flags, start->nlmsg_seq,
                                 rest.substr(sizeof(nlmsghdr), start->nlmsg_len - sizeof(nlmsghdr))};
    skip(rest, start->nlmsg_len);
    return message;
}

Result<std::optional<NetlinkAttribute>> take_attribute(std::string_view &rest) {
    if (rest.empty()) {
        return std::nullopt;
    }
    const std::optional<nlattr> start = front_as<nlattr>(rest);
    if (!start || start->nla_len < sizeof(nlattr) || start->nla_len > rest.size()) {
        return malformed("an attribute of a wrong length");
    }
    const NetlinkAttribute attribute{static_cast<std::uint16_t>(start->nla_type & NLA_TYPE_MASK),
                                     rest.substr(sizeof(nlattr), start->nla_len - sizeof(nlattr))};
    skip(rest, start->nla_len);
    return attribute;
}

Status read_acknowledgement(const NetlinkMessage &message) {
    const std::optional<std::int32_t> negative = front_as<std::int32_t>(message.payload);
    if (!negative || *negative > 0 || *negative < -kMostErrno) {
        return malformed("no error code");
    }
    if (*negative == 0) {
        return {}; // words beside a success are warnings, and none concerns what is asked here
    }
    std::string words;
    if ((message.flags & NLM_F_ACK_TLVS) != 0) {
        std::size_t before = sizeof(std::int32_t);
        if (message.type == NLMSG_ERROR) {
            // The request stands in between: its header only, or all of it.
            const std::optional<nlmsgerr> error = front_as<nlmsgerr>(message.payload);
            if (!error) {
                return malformed("no request in its error");
            }
            before = (message.flags & NLM_F_CAPPED) != 0 ? sizeof(nlmsgerr) : before + aligned(error->msg.nlmsg_len);
        }
        if (before > message.payload.size()) {
            return malformed("a request of a wrong length in its error");
        }
        words = TRY(words_in(message.payload.substr(before)));
    }
    const char *text = strerrordesc_np(-*negative);
    std::string reason = text != nullptr ? std::string(text) : "error " + std::to_string(-*negative);
    if (!words.empty()) {
        reason += " (" + words + ")";
    }
    return fail(-*negative, std::move(reason));
}

Result<RtNetlink> RtNetlink::over(Fd socket) {
    // The second: so that a dump has only what its header asks for.
    for (const int option : {NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK}) {
        const int on = 1;
        if (setsockopt(socket.get(), SOL_NETLINK, option, &on, sizeof on) != 0) {
            return fail_errno("set up a netlink socket");
        }
    }
    return RtNetlink(std::move(socket));
}

Result<RtNetlink> RtNetlink::open() {
    Fd socket(open_socket());
    if (!socket.is_open()) {
        return fail_errno("open a netlink socket");
    }
    return over(std::move(socket));
}

Result<RtNetlink> RtNetlink::open_at(BorrowedFd pidfd) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("make a socket pair");
    }
    const Fd ours(ends[0]);
    Fd theirs(ends[1]);
    const pid_t child = fork();
    if (child < 0) {
        return fail_errno("start a process for the network namespace");
    }
    if (child == 0) {
        open_and_send(pidfd.get(), theirs.get());
    }
    theirs.close(); // so that its death is an end of file
    Result<Fd> socket = receive_socket(ours);
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return over(TRY(std::move(socket)));
}

Result<Fd> RtNetlink::network_namespace() const {
    Fd opened(ioctl(socket_.get(), SIOCGSKNS));
    if (!opened.is_open()) {
        return fail_errno("open the network namespace");
    }
    return opened;
}

Result<std::string_view> RtNetlink::receive() {
    buffer_.resize(kMostReceived);
    for (;;) {
        sockaddr_nl sender{};
        socklen_t size = sizeof sender;
        const ssize_t got = recvfrom(socket_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                     reinterpret_cast<sockaddr *>(&sender), &size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_errno("receive from the kernel");
        }
        if (size != sizeof sender || sender.nl_pid != 0) {
            continue; // not from the kernel
        }
        if (static_cast<std::size_t>(got) > buffer_.size()) {
            return fail(EMSGSIZE, "the kernel's message is too long: " + std::to_string(got) + " bytes");
        }
        return std::string_view(buffer_).substr(0, static_cast<std::size_t>(got));
    }
}

Result<std::vector<RtNetlink::Reply>> RtNetlink::exchange(NetlinkRequest &request, bool &interrupted) {
    ++sequence_; // not taken again: what is left of a request that failed is passed over
    const std::string_view sent = TRY(request.sealed(sequence_));
    if (send(socket_.get(), sent.data(), sent.size(), 0) != static_cast<ssize_t>(sent.size())) {
        return fail_errno("send to the kernel");
    }
    std::vector<Reply> replies;
    for (;;) {
        std::string_view rest = TRY(receive());
        while (const std::optional<NetlinkMessage> message = TRY(take_message(rest))) {
            if (message->sequence != sequence_ || message->type == NLMSG_NOOP) {
                continue;
            }
            interrupted = interrupted || (message->flags & NLM_F_DUMP_INTR) != 0;
            if (message->type == NLMSG_ERROR || message->type == NLMSG_DONE) {
                TRY(read_acknowledgement(*message));
                return replies;
            }
            replies.push_back({message->type, std::string(message->payload)});
        }
    }
}

Result<std::vector<RtNetlink::Reply>> RtNetlink::ask(NetlinkRequest request) {
    for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
        bool interrupted = false;
        std::vector<Reply> replies = TRY(exchange(request, interrupted));
        if (!interrupted) {
            return replies;
        }
    }
    return fail(EAGAIN, "the kernel's list keeps changing");
}

Status RtNetlink::change(NetlinkRequest request) {
    bool interrupted = false; // dumps only
    TRY(exchange(request, interrupted));
    return {};
}

} // namespace ballast::isolate
