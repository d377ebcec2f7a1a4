// SPDX-License-Identifier: Apache-2.0
// Connections: who comes, what they say, what they take.
#include <algorithm>
#include <array>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "runtime/monitor/monitor.h"

namespace ballast::monitor {
namespace {

constexpr std::size_t kMostPeers = 256;

bool is_root(const Fd &socket) {
    ucred who{};
    socklen_t size = sizeof who;
    return getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == 0;
}

} // namespace

void Monitor::accept_peers() {
    for (;;) {
        Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket.is_open()) {
            return; // nobody more, or one that has left again
        }
        if (is_root(socket) && peers_.size() < kMostPeers) {
            peers_.push_back(std::make_unique<Peer>(std::move(socket), ++next_serial_));
        }
    }
}

Peer *Monitor::peer(std::uint64_t serial) {
    const auto found = std::ranges::find(peers_, serial, [](const auto &one) { return one->serial; });
    return found == peers_.end() || (*found)->gone ? nullptr : found->get();
}

void Monitor::peer_ready(Peer &peer, short events) {
    if ((events & POLLOUT) != 0) {
        send_out(peer);
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0 || peer.gone) {
        return;
    }
    std::array<char, 16384> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv()
    const bool listening = !peer.waits && !peer.closing && !peer.input_ended;
    const ssize_t got = listening ? recv(peer.socket.get(), buffer.data(), buffer.size(), 0) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got > 0) {
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
        if (peer.attached) {
            attached_input(peer, bytes);
            return;
        }
        peer.frames.feed(bytes);
        read_frames(peer);
        return;
    }
    if (peer.attached && !peer.input_ended) {
        input_ended(peer);
    }
    // Half-closed, a client still takes output; any other has left.
    peer.gone = peer.gone || !peer.attached || (events & (POLLHUP | POLLERR)) != 0;
}

void Monitor::read_frames(Peer &peer) {
    while (!peer.waits && !peer.closing && !peer.gone && !peer.attached) {
        Result<std::optional<Frame>> next = peer.frames.next();
        if (!next) {
            peer.refuse(next.error());
            peer.closing = true;
            return;
        }
        if (!next->has_value()) {
            return;
        }
        handle(peer, **next);
    }
    if (peer.attached) {
        attached_input(peer, peer.frames.take_rest());
    }
}

bool Monitor::accepts_input(const Peer &peer, const Session *session) const {
    if (session == nullptr || !peer.wants.input || session->input_ending || session->phase == Phase::kEnded) {
        return false;
    }
    return session->alive() ? session->input.is_open() : session->open_input;
}

void Monitor::attached_input(Peer &peer, std::string_view typed) {
    Session *session = this->session(peer.wants.session);
    if (!accepts_input(peer, session)) {
        return;
    }
    if (peer.detach.feed(typed, session->to_input)) {
        peer.closing = true;
        tell({.kind = Event::Kind::kDetached, .session = session->id, .time_ns = now_ns()});
    }
    if (session->alive()) {
        write_input(*session);
    }
}

void Monitor::input_ended(Peer &peer) {
    peer.input_ended = true;
    Session *session = this->session(peer.wants.session);
    if (!accepts_input(peer, session)) {
        return;
    }
    session->to_input += peer.detach.take_rest();
    if (!session->terminal && (peer.wants.close_input || session->input_once)) {
        session->input_ending = true;
    }
    if (session->alive()) {
        write_input(*session);
    }
}

void Monitor::send_out(Peer &peer) {
    if (peer.gone) {
        return;
    }
    const Result<std::size_t> sent = peer.out.send(peer.socket);
    if (!sent) {
        if (peer.attached && !peer.input_ended) {
            input_ended(peer);
        }
        peer.gone = true;
        return;
    }
    if (*sent > 0 || peer.out.empty()) {
        peer.progress_at = now_;
    }
    peer.gone = peer.closing && peer.out.empty();
}

// A full client holds its session back, for as long as it takes something. One that stands still is cut off, for the
// container's log and for the others; an exec has neither, and waits as a pipe would. Whoever is not attached must
// simply not be full.
void Monitor::cut_off_slow() {
    for (const auto &session : sessions_) {
        session->held_back = false;
    }
    for (const auto &peer : peers_) {
        if (peer->gone || peer->out.empty()) {
            continue;
        }
        const std::int64_t until = peer->progress_at + settings_.stall_ms;
        Session *session = peer->attached ? this->session(peer->wants.session) : nullptr;
        const bool bounded = session == nullptr || session->id == 0 || peer->closing;
        const bool matters = peer->full() || peer->closing || linger_until_ >= 0;
        if (matters && bounded && now_ >= until) {
            peer->gone = true;
            warn("a client of session " + std::to_string(peer->attached ? peer->wants.session : 0) +
                 " was too slow and is cut off; " + std::to_string(peer->out.size()) + " bytes did not reach it");
            continue;
        }
        if (matters && bounded) {
            at_latest(until);
        }
        if (session != nullptr && peer->full()) {
            session->held_back = true;
            session->held_at = now_;
        }
    }
}

} // namespace ballast::monitor
