// SPDX-License-Identifier: Apache-2.0
// The loop: what is waited for, and what happens then.
#include <algorithm>
#include <array>
#include <ctime>
#include <span>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

#include "base/program_pages.h"
#include "runtime/monitor/monitor.h"

namespace ballast::monitor {
namespace {

constexpr std::int64_t kPatienceMs = 5000; // at the very end, with execs and with a syslog server

std::int64_t steady_ms() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // cannot fail
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

} // namespace

void Monitor::run() {
    now_ = steady_ms();
    if (main().alive() && !main().pidfd.is_open()) { // adopted after its end
        process_gone(main());
    }
    settle();
    while (!over()) {
        polled_.clear();
        watched_.clear();
        watch(signals_.get(), POLLIN, {Watched::kSignals});
        watch(listener_.get(), POLLIN, {Watched::kListener});
        watch(kills_.descriptor(), POLLPRI, {Watched::kOom});
        if (writer_ != nullptr) {
            watch(writer_->descriptor(), writer_->events(), {Watched::kWriter});
        }
        for (const auto &session : sessions_) {
            watch_session(*session);
        }
        for (const auto &peer : peers_) {
            watch_peer(*peer);
        }
        if (std::exchange(grown_, false)) {
            give_back_pages();
        }
        const int ready = poll(polled_.data(), polled_.size(), timeout());
        now_ = steady_ms();
        for (std::size_t i = 0; ready > 0 && i < watched_.size(); ++i) {
            if (polled_[i].revents != 0) {
                serve(watched_[i], polled_[i].revents);
            }
        }
        settle();
    }
}

void Monitor::watch(int fd, short events, Watch what) {
    if (fd >= 0) {
        polled_.push_back({fd, events, 0});
        watched_.push_back(what);
    }
}

void Monitor::watch_session(Session &session) {
    if (session.reads()) {
        watch(session.output.get(), POLLIN, {Watched::kOutput, session.id});
        watch(session.errors.get(), POLLIN, {Watched::kErrors, session.id});
    }
    if (session.alive() && (!session.to_input.empty() || session.input_ending)) {
        watch(session.input.get(), POLLOUT, {Watched::kInput, session.id});
    }
    if (session.alive() && !session.child && session.gone_at < 0) {
        watch(session.pidfd.get(), POLLIN, {Watched::kProcess, session.id});
    }
}

void Monitor::watch_peer(Peer &peer) {
    short events = peer.out.empty() ? 0 : POLLOUT;
    const Session *session = peer.attached ? this->session(peer.wants.session) : nullptr;
    const bool room = session == nullptr || session->to_input.size() < kMostInput;
    if (!peer.waits && !peer.closing && !peer.input_ended && room) {
        events |= POLLIN;
    }
    watch(peer.socket.get(), events, {Watched::kPeer, 0, &peer}); // its end is told in any case
}

void Monitor::at_latest(std::int64_t moment) {
    if (moment >= 0) {
        deadline_ = deadline_ < 0 ? moment : std::min(deadline_, moment);
    }
}

int Monitor::timeout() {
    if (writer_ != nullptr && writer_->timeout_ms() >= 0) {
        at_latest(now_ + writer_->timeout_ms());
    }
    return deadline_ < 0 ? -1 : static_cast<int>(std::clamp<std::int64_t>(deadline_ - now_, 0, 3'600'000));
}

void Monitor::serve(const Watch &what, short events) {
    Session *session = this->session(what.session);
    if (session == nullptr) {
        return;
    }
    switch (what.what) {
    case Watched::kSignals: {
        std::array<signalfd_siginfo, 8> taken{};
        ssize_t size = 0;
        while ((size = read(signals_.get(), taken.data(), sizeof taken)) > 0) { // who ended is asked below
            const std::span some(taken.data(), static_cast<std::size_t>(size) / sizeof taken[0]);
            stop_asked_ = stop_asked_ || std::ranges::any_of(some, [](const signalfd_siginfo &one) {
                              return one.ssi_signo == static_cast<std::uint32_t>(kStop);
                          });
        }
        reap();
        break;
    }
    case Watched::kListener:
        accept_peers();
        break;
    case Watched::kWriter:
        writer_->progress();
        break;
    case Watched::kOom:
        look_for_kills();
        break;
    case Watched::kInput:
        write_input(*session);
        break;
    case Watched::kOutput:
        read_output(*session, Role::kOutput);
        break;
    case Watched::kErrors:
        read_output(*session, Role::kErrors);
        break;
    case Watched::kProcess:
        process_gone(*session);
        break;
    case Watched::kPeer:
        if (!what.peer->gone) {
            peer_ready(*what.peer, events);
        }
        break;
    }
}

// What follows from a round, and what is left for the next.
void Monitor::settle() {
    deadline_ = -1;
    settle_stop();
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        settle_session(*sessions_[i]);
    }
    if (writer_ != nullptr) {
        if (writer_->timeout_ms() >= 0) {
            writer_->progress();
        }
        if (const std::string trouble = writer_->take_trouble(); !trouble.empty()) {
            warn(trouble);
        }
    }
    for (const auto &peer : peers_) {
        send_out(*peer);
    }
    cut_off_slow();
    std::erase_if(peers_, [](const auto &peer) { return peer->gone; });
}

bool Monitor::over() {
    if (main().phase == Phase::kNew && !main().call) { // nobody is left who could start it
        return std::ranges::none_of(peers_, [](const auto &peer) { return peer->serial == 1; });
    }
    if (main().phase != Phase::kEnded) {
        return false;
    }
    linger_until_ = linger_until_ < 0 ? now_ + kPatienceMs : linger_until_;
    const bool running = std::ranges::any_of(sessions_, [](const auto &one) { return one->alive() || one->call; });
    const bool logged = writer_ == nullptr || writer_->idle();
    if ((running || !logged) && now_ < linger_until_) {
        at_latest(linger_until_);
        return false;
    }
    for (const auto &peer : peers_) {
        peer->closing = peer->closing || peer->attached;
        send_out(*peer);
    }
    at_latest(now_ + settings_.stall_ms); // who takes nothing any more is cut off then
    return std::ranges::all_of(peers_, [](const auto &peer) { return peer->gone || peer->out.empty(); });
}

} // namespace ballast::monitor
