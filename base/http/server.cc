// SPDX-License-Identifier: Apache-2.0
#include "base/http/server.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "base/http/connection.h"
#include "base/http/listener.h"
#include "base/http/socket_stream.h"
#include "base/log.h"
#include "base/signals_blocked.h"

namespace ballast::http {
namespace {

constexpr std::chrono::milliseconds kOutOfDescriptors{100}; // a pause, lest the accepting thread spins
constexpr std::chrono::seconds kLastSecond{1};

Result<Fd> make_event() {
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return fail_errno("eventfd");
    }
    return event;
}

void ring(BorrowedFd event) {
    (void)eventfd_write(event.get(), 1); // fails only when it is readable already
}

// A handler that throws costs its request; what it did not answer is answered with 500.
void call(const Handler &handler, Exchange &exchange) {
    try {
        handler(exchange);
    } catch (const std::exception &exception) {
        log::error("request " + exchange.request().method + " " + exchange.request().path + ": " + exception.what());
    }
}

} // namespace

struct Server::State {
    std::vector<Fd> listeners;
    Handler handler;
    Limits limits;
    Fd stop_event;  // readable for ever once the server stops
    Fd probe_event; // wakes the accepting thread, which counts it
    std::unique_ptr<HangupWatch> watch;
    std::thread acceptor;

    mutable std::mutex mutex;
    std::condition_variable changed;
    std::list<Conversation> conversations;
    std::size_t probes_asked = 0;
    std::size_t probes_answered = 0;
    bool stopped = false;

    // What a connection's thread is given, and frees.
    struct Task {
        State *server;
        std::list<Conversation>::iterator conversation;
    };
    static void *run_conversation(void *argument);

    void accept_forever();
    void accept_one(const Fd &listener);
    void answer_probe();
    void start_conversation(Fd socket, std::optional<Peer> peer = std::nullopt);
    bool wait_for_end(std::chrono::milliseconds time);
};

void *Server::State::run_conversation(void *argument) {
    const std::unique_ptr<Task> task(static_cast<Task *>(argument));
    State &server = *task->server;
    task->conversation->run([&](Exchange &exchange) { call(server.handler, exchange); });
    const std::lock_guard lock(server.mutex);
    server.conversations.erase(task->conversation);
    server.changed.notify_all();
    return nullptr;
}

void Server::State::start_conversation(Fd socket, std::optional<Peer> peer) {
    std::unique_lock lock(mutex);
    if (conversations.size() >= limits.connections) {
        lock.unlock();
        turn_away(std::move(socket));
        return;
    }
    Peer known = peer ? std::move(*peer) : peer_of(socket);
    auto place =
        conversations.emplace(conversations.end(), std::move(socket), std::move(known), limits, *watch, stop_event);
    auto task = std::make_unique<Task>(Task{this, place});
    pthread_attr_t attributes{};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, limits.thread_stack);
    pthread_t thread{};
    const int error = pthread_create(&thread, &attributes, run_conversation, task.get());
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        conversations.erase(place);
        lock.unlock();
        log::error(std::string("start a thread for a connection: ") + std::strerror(error));
        return;
    }
    (void)task.release(); // the thread's
}

void Server::State::accept_one(const Fd &listener) {
    Fd socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.is_open()) {
        const int yes = 1;
        (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); // a Unix socket has no such thing
        start_conversation(std::move(socket));
        return;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log::error(std::string("accept a connection: ") + std::strerror(errno));
        std::this_thread::sleep_for(kOutOfDescriptors);
    }
    // Other errors are that connection's own: its client was faster than we.
}

void Server::State::answer_probe() {
    eventfd_t count = 0;
    (void)eventfd_read(probe_event.get(), &count); // nothing there: asked in the meantime, and answered
    const std::lock_guard lock(mutex);
    probes_answered = probes_asked;
    changed.notify_all();
}

void Server::State::accept_forever() {
    std::vector<pollfd> entries;
    for (const Fd &listener : listeners) {
        entries.push_back({listener.get(), POLLIN, 0});
    }
    entries.push_back({probe_event.get(), POLLIN, 0});
    entries.push_back({stop_event.get(), POLLIN, 0});
    while (true) {
        if (poll(entries.data(), entries.size(), -1) < 0) {
            continue; // EINTR, or a lack of memory that passes
        }
        if (entries.back().revents != 0) {
            return;
        }
        if (entries[entries.size() - 2].revents != 0) {
            answer_probe();
        }
        for (std::size_t place = 0; place < listeners.size(); place++) {
            if (entries[place].revents != 0) {
                accept_one(listeners[place]);
            }
        }
    }
}

bool Server::State::wait_for_end(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, time, [&] { return conversations.empty(); });
}

Result<Server> Server::start(std::vector<Fd> listeners, Handler handler, const Limits &limits) {
    auto state = std::make_unique<State>();
    state->listeners = std::move(listeners);
    state->handler = std::move(handler);
    state->limits = limits;
    state->stop_event = TRY(make_event());
    state->probe_event = TRY(make_event());
    TRY(make_nonblocking(state->listeners));
    const SignalsBlocked blocked; // for the acceptor, connections' threads, which it starts, and the watch
    state->watch = TRY(HangupWatch::start(state->stop_event));
    state->acceptor = std::thread([running = state.get()] { running->accept_forever(); });
    return Server(std::move(state));
}

Status Server::stop(std::chrono::milliseconds grace) {
    if (!state_->stopped) {
        ring(state_->stop_event);
        state_->acceptor.join();
        state_->listeners.clear();
        state_->stopped = true;
    }
    if (state_->wait_for_end(grace)) {
        return {};
    }
    {
        const std::lock_guard lock(state_->mutex);
        std::ranges::for_each(state_->conversations, &Conversation::cut);
    }
    if (!state_->wait_for_end(kLastSecond)) {
        return fail(ETIMEDOUT, "stop the server: " + std::to_string(connections()) + " requests still run");
    }
    return {};
}

void Server::take(Fd socket, std::optional<Peer> peer) {
    state_->start_conversation(std::move(socket), std::move(peer));
}

std::size_t Server::connections() const {
    const std::lock_guard lock(state_->mutex);
    return state_->conversations.size();
}

bool Server::answers(std::chrono::milliseconds time) {
    std::unique_lock lock(state_->mutex);
    const std::size_t asked = ++state_->probes_asked;
    ring(state_->probe_event);
    return state_->changed.wait_for(lock, time, [&] { return state_->probes_answered >= asked; });
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
        std::unique_lock lock(state_->mutex);
        state_->changed.wait(lock, [this] { return state_->conversations.empty(); });
    }
}

} // namespace ballast::http
