// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/client.h"

#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "runtime/network/dns/response.h"
#include "runtime/network/dns/wire.h"

namespace ballast::dns {
namespace {

constexpr std::size_t kBatch = 32;             // datagrams a system call
constexpr int kBatchesATurn = 8;               // before others have theirs
constexpr std::size_t kLargestQuery = 4096;    // by UDP; what is longer is no question
constexpr std::size_t kMostExchanges = 256;    // a container's questions that are with other servers
constexpr std::size_t kMostStreams = 32;       // a container's
constexpr std::size_t kMostWaiting = 16;       // a stream's questions
constexpr std::size_t kMostOutput = 256 << 10; // bytes that a stream's client has not read
constexpr std::chrono::seconds kIdle{10};      // of a stream
constexpr std::size_t kLengthSize = 2;

// One set for all clients: they are served by one thread.
struct Batch {
    std::array<std::array<char, kLargestQuery>, kBatch> bytes;
    std::array<sockaddr_in, kBatch> from;
    std::array<std::array<iovec, 2>, kBatch> pieces;
    std::array<mmsghdr, kBatch> headers;
    std::array<Heading, kBatch> headings;
    std::array<std::string, kBatch> replies;

    Batch() : headers{} {} // all else is filled in for each batch
    void prepare(std::size_t i, std::size_t header, std::size_t count) {
        headers[header].msg_hdr.msg_name = &from[i];
        headers[header].msg_hdr.msg_namelen = sizeof from[i];
        headers[header].msg_hdr.msg_iov = pieces[i].data();
        headers[header].msg_hdr.msg_iovlen = count;
    }
    void prepare_query(std::size_t i) {
        pieces[i][0] = {.iov_base = bytes[i].data(), .iov_len = kLargestQuery};
        prepare(i, i, 1);
    }
    void prepare_reply(std::size_t i, std::size_t header, std::string reply) {
        replies[i] = std::move(reply);
        headings[i] = heading_of_reply(from[i], replies[i].size());
        pieces[i] = {iovec{.iov_base = headings[i].data(), .iov_len = headings[i].size()},
                     iovec{.iov_base = replies[i].data(), .iov_len = replies[i].size()}};
        prepare(i, header, 2);
    }
};

Batch &batch() {
    static thread_local const std::unique_ptr<Batch> made = std::make_unique<Batch>();
    return *made;
}

} // namespace

Client::Client(EventLoop &loop, Names &names, HostServers &host, Sockets sockets)
    : loop_(&loop), names_(&names), host_(&host), sockets_(std::move(sockets)) {}

Client::~Client() {
    exchanges_.clear();
    while (!streams_.empty()) {
        close_stream(streams_.begin()->first);
    }
    loop_->remove(udp_);
    loop_->remove(tcp_);
}

Status Client::start() {
    udp_ = TRY(loop_->add(sockets_.udp, EPOLLIN, [this](std::uint32_t) { read_datagrams(); }));
    tcp_ = TRY(loop_->add(sockets_.tcp, EPOLLIN, [this](std::uint32_t) { accept_stream(); }));
    return {};
}

void Client::update(ClientSettings settings) {
    settings_ = std::move(settings);
    servers_.clear();
    for (const std::string &text : settings_.servers) {
        if (const auto server = name_server(text)) {
            servers_.push_back(*server);
        }
    }
}

void Client::read_datagrams() {
    for (int turn = 0; turn < kBatchesATurn; turn++) {
        if (!read_batch()) {
            return;
        }
    }
}

// False: there is no more at the moment.
bool Client::read_batch() {
    Batch &work = batch();
    for (std::size_t i = 0; i < kBatch; i++) {
        work.prepare_query(i);
    }
    const int got = recvmmsg(sockets_.udp.get(), work.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
    unsigned replies = 0;
    for (int n = 0; n < got; n++) {
        const auto i = static_cast<std::size_t>(n);
        if ((work.headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            continue;
        }
        std::optional<std::string> reply = answer({work.bytes[i].data(), work.headers[i].msg_len}, Asker(work.from[i]));
        if (reply) {
            work.prepare_reply(i, replies++, std::move(*reply)); // never behind the one that is read next
        }
    }
    unsigned sent = 0;
    while (sent < replies) {
        const int count =
            sendmmsg(sockets_.replies.get(), &work.headers[sent], replies - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += count > 0 ? static_cast<unsigned>(count) : 1; // one that cannot be sent is lost, as datagrams are
    }
    return got == static_cast<int>(kBatch);
}

std::optional<std::string> Client::answer(std::string_view message, const Asker &asker) {
    const bool by_udp = std::holds_alternative<sockaddr_in>(asker);
    const std::expected<Query, Unanswerable> query = read_query(message);
    if (!query) {
        return query.error().reply;
    }
    const std::size_t limit = by_udp ? query->udp_limit : kLargest;
    if (query->of_class == kInternet || query->of_class == kAnyClass) {
        if (const auto records = names_->look_up(settings_.view, query->name, query->type)) {
            return write_response(*query, Code::kNoError, *records, limit);
        }
    }
    const bool kept = settings_.keeps_single_labels && !query->name.contains('.');
    if (!settings_.forwards || kept) {
        return write_response(*query, Code::kNameError, {}, limit);
    }
    return forward(*query, message, asker);
}

std::optional<std::string> Client::forward(const Query &query, std::string_view message, const Asker &asker) {
    const bool by_udp = std::holds_alternative<sockaddr_in>(asker);
    const std::size_t limit = by_udp ? query.udp_limit : kLargest;
    if (exchanges_.size() >= kMostExchanges) {
        return write_response(query, Code::kServerFailure, {}, limit);
    }
    const std::uint64_t number = ++last_;
    const auto done = [this, number, asker, limit, query](std::optional<std::string> response) {
        answered(number, asker,
                 response ? cut_to(std::move(*response), limit)
                          : write_response(query, Code::kServerFailure, {}, limit));
    };
    if (const auto *stream = std::get_if<StreamKey>(&asker)) {
        streams_.at(*stream).waiting++;
    }
    auto exchange = std::make_unique<Exchange>(*loop_, servers_.empty() ? host_->get() : servers_, std::string(message),
                                               !by_udp, done);
    exchanges_.emplace(number, std::move(exchange)).first->second->start();
    return std::nullopt;
}

void Client::answered(std::uint64_t number, const Asker &asker, std::string response) {
    const auto over = exchanges_.extract(number); // destroyed at the end: we are called by it
    if (const auto *to = std::get_if<sockaddr_in>(&asker)) {
        const Heading heading = heading_of_reply(*to, response.size());
        response.insert(response.begin(), heading.begin(), heading.end());
        (void)sendto(sockets_.replies.get(), response.data(), response.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr *>(to), sizeof *to); // lost when it cannot be sent
        return;
    }
    const StreamKey key = std::get<StreamKey>(asker);
    const auto stream = streams_.find(key);
    if (stream == streams_.end()) {
        return;
    }
    stream->second.waiting--;
    put_number(stream->second.out, static_cast<unsigned>(response.size()));
    stream->second.out += response;
    watch_idle(key, stream->second);
    take_messages(key, stream->second);
    flush(key);
}

void Client::accept_stream() {
    Fd socket(accept4(sockets_.tcp.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.is_open() || streams_.size() >= kMostStreams) {
        return;
    }
    const StreamKey key = ++last_;
    const Result<EventLoop::Key> watch =
        loop_->add(socket, EPOLLIN, [this, key](std::uint32_t events) { stream_ready(key, events); });
    if (watch) {
        Stream &stream = streams_[key];
        stream.socket = std::move(socket);
        stream.watch = *watch;
        watch_idle(key, stream);
    }
}

void Client::watch_idle(StreamKey key, Stream &stream) {
    loop_->cancel(stream.idle);
    stream.idle = loop_->after(kIdle, [this, key] { close_stream(key); });
}

void Client::stream_ready(StreamKey key, std::uint32_t events) {
    const auto found = streams_.find(key);
    if (found == streams_.end()) {
        return;
    }
    Stream &stream = found->second;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 || ((events & EPOLLIN) != 0 && !read_stream(key, stream))) {
        close_stream(key);
        return;
    }
    flush(key);
}

bool Client::read_stream(StreamKey key, Stream &stream) {
    std::array<char, kLargestQuery> bytes; // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
    const ssize_t got = recv(stream.socket.get(), bytes.data(), bytes.size(), 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    stream.ended = got == 0;
    stream.in.append(bytes.data(), static_cast<std::size_t>(got));
    take_messages(key, stream);
    return true;
}

void Client::take_messages(StreamKey key, Stream &stream) {
    while (stream.waiting < kMostWaiting && stream.out.size() < kMostOutput && stream.in.size() >= kLengthSize &&
           stream.in.size() - kLengthSize >= number_at(stream.in, 0)) {
        const std::string message = stream.in.substr(kLengthSize, number_at(stream.in, 0));
        stream.in.erase(0, kLengthSize + message.size());
        watch_idle(key, stream);
        if (const auto reply = answer(message, Asker(key))) {
            put_number(stream.out, static_cast<unsigned>(reply->size()));
            stream.out += *reply;
        }
    }
}

void Client::flush(StreamKey key) {
    Stream &stream = streams_.at(key);
    if (!stream.out.empty()) {
        const ssize_t sent = send(stream.socket.get(), stream.out.data(), stream.out.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            close_stream(key);
            return;
        }
        stream.out.erase(0, sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }
    if (stream.ended && stream.out.empty() && stream.waiting == 0) {
        close_stream(key);
        return;
    }
    const bool reads = !stream.ended && stream.in.size() <= kLengthSize + kLargest && stream.waiting < kMostWaiting &&
                       stream.out.size() < kMostOutput;
    loop_->change(stream.watch, (reads ? EPOLLIN : 0U) | (stream.out.empty() ? 0U : EPOLLOUT));
}

void Client::close_stream(StreamKey key) {
    const auto stream = streams_.extract(key);
    if (!stream.empty()) {
        loop_->remove(stream.mapped().watch);
        loop_->cancel(stream.mapped().idle);
    }
}

} // namespace ballast::dns
