// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/exchange.h"

#include <algorithm>
#include <memory>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "runtime/network/dns/message.h"
#include "runtime/network/dns/response.h"
#include "runtime/network/dns/wire.h"

namespace ballast::dns {
namespace {

constexpr std::chrono::seconds kPatience{2};
constexpr std::size_t kMostAttempts = 3, kFewestAttempts = 2;
constexpr std::size_t kLengthSize = 2; // RFC 1035 4.2.2

std::optional<std::uint16_t> random_id() {
    std::uint16_t id = 0;
    // Never blocks once the machine has booted, and is never cut short at this size.
    return getrandom(&id, sizeof id, 0) == sizeof id ? std::optional(id) : std::nullopt;
}

// Not in the thread's static storage, which every thread of the program would have.
std::string &room() {
    static thread_local const auto bytes = std::make_unique<std::string>(kLargest, '\0');
    return *bytes;
}

} // namespace

Exchange::Exchange(EventLoop &loop, std::vector<NameServer> servers, std::string query, bool tcp, Done done)
    : loop_(&loop), servers_(std::move(servers)), query_(std::move(query)), id_(number_at(query_, 0)), tcp_(tcp),
      done_(std::move(done)) {}

Exchange::~Exchange() { leave(); }

void Exchange::leave() {
    loop_->remove(watch_);
    loop_->cancel(timeout_);
    socket_.close();
}

void Exchange::ask_next() {
    leave();
    const std::size_t attempts = std::clamp(servers_.size(), kFewestAttempts, kMostAttempts);
    while (!servers_.empty() && asked_ < attempts) {
        if (ask(servers_[asked_++ % servers_.size()])) {
            timeout_ = loop_->after(kPatience, [this] { ask_next(); });
            return;
        }
    }
    // Later: whoever started this may hold what `done_` changes.
    timeout_ = loop_->after({}, [this] {
        const Done done = std::move(done_); // it may destroy this
        done(std::move(refusal_));
    });
}

bool Exchange::ask(const NameServer &server) {
    const std::optional<std::uint16_t> id = random_id();
    socket_ = Fd(socket(server.address.ss_family, (tcp_ ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!id || !socket_.is_open()) {
        return false;
    }
    put_number_at(query_, 0, *id);
    const auto *address = reinterpret_cast<const sockaddr *>(&server.address);
    if (connect(socket_.get(), address, server.size) != 0 && errno != EINPROGRESS) {
        return false;
    }
    if (!tcp_ && send(socket_.get(), query_.data(), query_.size(), MSG_NOSIGNAL) < 0) {
        return false;
    }
    in_.clear();
    out_.clear();
    if (tcp_) {
        put_number(out_, static_cast<unsigned>(query_.size()));
        out_ += query_;
    }
    const Result<EventLoop::Key> watch =
        loop_->add(socket_, tcp_ ? EPOLLOUT : EPOLLIN, [this](std::uint32_t events) { ready(events); });
    watch_ = watch.value_or(0);
    return watch.has_value();
}

void Exchange::ready(std::uint32_t events) {
    if (!tcp_) {
        read_datagrams();
    } else if (!out_.empty() && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        send_stream();
    } else {
        read_stream();
    }
}

void Exchange::read_datagrams() {
    while (true) {
        const ssize_t got = recv(socket_.get(), room().data(), room().size(), 0);
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                ask_next(); // nobody listens there
            }
            return;
        }
        const std::string_view response(room().data(), static_cast<std::size_t>(got));
        if (is_response_to(response, query_)) {
            take(std::string(response));
            return;
        }
    }
}

void Exchange::send_stream() {
    const ssize_t sent = send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            ask_next();
        }
        return;
    }
    out_.erase(0, static_cast<std::size_t>(sent));
    if (out_.empty()) {
        loop_->change(watch_, EPOLLIN);
    }
}

void Exchange::read_stream() {
    const ssize_t got = recv(socket_.get(), room().data(), room().size(), 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            ask_next();
        }
        return;
    }
    in_.append(room().data(), static_cast<std::size_t>(got));
    if (in_.size() < kLengthSize || in_.size() - kLengthSize < number_at(in_, 0)) {
        return;
    }
    std::string response = in_.substr(kLengthSize, number_at(in_, 0));
    if (is_response_to(response, query_)) {
        take(std::move(response));
    } else {
        ask_next();
    }
}

void Exchange::take(std::string response) {
    put_number_at(response, 0, id_);
    const Code code = code_of(response);
    const bool could_not = code == Code::kServerFailure || code == Code::kRefused || code == Code::kNotImplemented;
    if (could_not && asked_ < std::min(servers_.size(), kMostAttempts)) { // another may
        refusal_ = std::move(response);
        ask_next();
        return;
    }
    leave();
    const Done done = std::move(done_);
    done(std::move(response));
}

} // namespace ballast::dns
