// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/server.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>

#include "base/grpc/connection.h"
#include "base/http/listener.h"
#include "base/http/socket_stream.h"
#include "base/log.h"
#include "base/signals_blocked.h"

namespace ballast::grpc {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kOutOfDescriptors{100}; // a pause, lest the thread spins
constexpr std::chrono::seconds kLastSecond{1};

} // namespace

struct Server::State {
    std::vector<Fd> listeners;
    std::shared_ptr<Shared> shared;
    std::list<std::shared_ptr<Connection>> connections; // guarded by the mutex
    bool ended = false;                                 // likewise: the loop has to end
    std::thread loop;

    void run();
    void accept_one(const Fd &listener);
    std::optional<Clock::time_point> prepare(std::vector<pollfd> &entries);
    void look_at(const std::vector<pollfd> &entries);
    bool wait_for_end(std::chrono::milliseconds time);
};

void Server::State::accept_one(const Fd &listener) {
    Fd socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.is_open()) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log::error(std::string("accept a connection: ") + std::strerror(errno));
            std::this_thread::sleep_for(kOutOfDescriptors);
        }
        return; // other errors are that connection's own: its client was faster than we
    }
    const std::lock_guard lock(shared->mutex);
    if (connections.size() >= shared->limits.connections || shared->stopping) {
        return;
    }
    if (auto made = Connection::make(shared, std::move(socket)); made.has_value() && (*made)->flush()) {
        connections.push_back(std::move(*made));
    }
}

// What to wait for, in the order of the connections, and until when.
std::optional<Clock::time_point> Server::State::prepare(std::vector<pollfd> &entries) {
    const Clock::time_point now = Clock::now();
    std::optional<Clock::time_point> wake;
    entries.assign(1, {shared->wake.get(), POLLIN, 0});
    for (const Fd &listener : listeners) {
        entries.push_back({shared->stopping ? -1 : listener.get(), POLLIN, 0});
    }
    for (auto place = connections.begin(); place != connections.end();) {
        Connection &connection = **place;
        const auto next = connection.end_late_calls(now);
        if (!connection.flush()) {
            connection.cut();
            place = connections.erase(place);
            shared->changed.notify_all();
            continue;
        }
        if (next && (!wake || *next < *wake)) {
            wake = next;
        }
        entries.push_back(
            {connection.socket().get(), static_cast<short>(POLLIN | (connection.has_unsent() ? POLLOUT : 0)), 0});
        ++place;
    }
    return wake;
}

void Server::State::look_at(const std::vector<pollfd> &entries) {
    if (entries.front().revents != 0) {
        eventfd_t count = 0;
        (void)eventfd_read(shared->wake.get(), &count);
    }
    // Only this thread adds and removes connections, so that they still stand in that order.
    const std::lock_guard lock(shared->mutex);
    auto entry = entries.begin() + 1 + static_cast<std::ptrdiff_t>(listeners.size());
    for (auto place = connections.begin(); place != connections.end(); ++entry) {
        if ((entry->revents & ~POLLOUT) != 0 && !(*place)->receive()) {
            (*place)->cut();
            place = connections.erase(place);
            shared->changed.notify_all();
            continue;
        }
        ++place;
    }
}

void Server::State::run() {
    std::vector<pollfd> entries;
    while (true) {
        std::optional<Clock::time_point> wake;
        bool last = false;
        {
            const std::lock_guard lock(shared->mutex);
            last = ended;
            if (last) {
                std::ranges::for_each(connections, [](const auto &connection) { connection->cut(); });
                connections.clear();
                shared->changed.notify_all();
            } else {
                wake = prepare(entries);
            }
        }
        shared->ask_to_stop();
        if (last) {
            return;
        }
        if (poll(entries.data(), entries.size(), wake ? http::poll_time(*wake) : -1) < 0) {
            continue; // EINTR, or a lack of memory that passes
        }
        look_at(entries);
        shared->ask_to_stop();
        for (std::size_t place = 0; place < listeners.size(); place++) {
            if (entries[1 + place].revents != 0) {
                accept_one(listeners[place]);
            }
        }
    }
}

bool Server::State::wait_for_end(std::chrono::milliseconds time) {
    std::unique_lock lock(shared->mutex);
    return shared->changed.wait_for(lock, time, [&] {
        const bool idle = std::ranges::all_of(connections, [](const auto &connection) { return connection->idle(); });
        return shared->running == 0 && idle;
    });
}

Result<Server> Server::start(std::vector<Fd> listeners, Methods methods, const Limits &limits) {
    auto state = std::make_unique<State>();
    state->listeners = std::move(listeners);
    state->shared = std::make_shared<Shared>();
    state->shared->methods = std::move(methods);
    state->shared->limits = limits;
    state->shared->wake = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!state->shared->wake.is_open()) {
        return fail_errno("eventfd");
    }
    TRY(http::make_nonblocking(state->listeners));
    const SignalsBlocked blocked; // for the loop and handlers' threads, which it starts
    state->loop = std::thread([running = state.get()] { running->run(); });
    return Server(std::move(state));
}

Status Server::stop(std::chrono::milliseconds grace) {
    {
        const std::lock_guard lock(state_->shared->mutex);
        if (!state_->shared->stopping) {
            state_->shared->stopping = true;
            std::ranges::for_each(state_->connections, [](const auto &connection) { connection->go_away(); });
            state_->shared->ring();
        }
    }
    (void)state_->wait_for_end(grace); // or they are cut off
    if (state_->loop.joinable()) {
        {
            const std::lock_guard lock(state_->shared->mutex);
            state_->ended = true;
            state_->shared->ring();
        }
        state_->loop.join();
        state_->listeners.clear();
    }
    if (!state_->wait_for_end(kLastSecond)) {
        return fail(ETIMEDOUT, "stop the server: " + std::to_string(calls()) + " calls still run");
    }
    return {};
}

std::size_t Server::connections() const {
    const std::lock_guard lock(state_->shared->mutex);
    return state_->connections.size();
}

std::size_t Server::calls() const {
    const std::lock_guard lock(state_->shared->mutex);
    return state_->shared->running;
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server &&) noexcept = default;
Server &Server::operator=(Server &&other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}
Server::~Server() {
    if (state_ == nullptr) {
        return;
    }
    if (!stop(std::chrono::milliseconds(0)).has_value()) {
        std::unique_lock lock(state_->shared->mutex);
        state_->shared->changed.wait(lock, [this] { return state_->shared->running == 0; });
    }
}

} // namespace ballast::grpc
