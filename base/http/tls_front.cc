// SPDX-License-Identifier: Apache-2.0
#include "base/http/tls_front.h"

#include <array>
#include <condition_variable>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>

#include "base/http/listener.h"
#include "base/http/tls_client.h"
#include "base/log.h"
#include "base/signals_blocked.h"

namespace ballast::http {
namespace {

constexpr std::size_t kMostClients = 512;
constexpr std::size_t kStack = 256UL << 10;
constexpr std::chrono::milliseconds kPause{100}; // without descriptors

void prepare_socket(BorrowedFd socket) {
    const int yes = 1;
    // A client whose machine is gone must not be waited for for ever; a socket without these options works, too.
    (void)setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

} // namespace

struct TlsFront::State {
    std::vector<Fd> listeners;
    TlsCredentials credentials;
    Accept accept;
    Fd stop; // eventfd(2), readable once it is over
    std::thread acceptor;
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t clients = 0;

    struct Task {
        State *front;
        Fd socket;
    };
    static void *run_client(void *argument);
    void serve(const Fd &socket);
    void start_client(Fd socket);
    void accept_forever();
};

void TlsFront::State::serve(const Fd &socket) {
    prepare_socket(socket);
    const auto relay = std::make_unique<TlsClient>(credentials, socket, stop);
    std::string why;
    if (!relay->shake_hands(why)) {
        log::info("a client by TLS was turned away: " + why);
        return;
    }
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        log::error(fail_errno("a connection by TLS").error().message);
        return;
    }
    Fd ours(ends[0]);
    Peer client = peer_of(socket);
    client.tls = true;
    client.certificate = relay->certified();
    accept(Fd(ends[1]), std::move(client));
    relay->run(std::move(ours));
}

void *TlsFront::State::run_client(void *argument) {
    const std::unique_ptr<Task> task(static_cast<Task *>(argument));
    task->front->serve(task->socket);
    task->socket.close();
    const std::lock_guard lock(task->front->mutex);
    task->front->clients--;
    task->front->changed.notify_all();
    return nullptr;
}

void TlsFront::State::start_client(Fd socket) {
    const std::lock_guard lock(mutex);
    if (clients >= kMostClients) {
        return;
    }
    auto task = std::make_unique<Task>(Task{this, std::move(socket)});
    pthread_attr_t attributes{};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, kStack);
    pthread_t thread{};
    if (pthread_create(&thread, &attributes, run_client, task.get()) == 0) {
        (void)task.release(); // the thread's
        clients++;
    }
    pthread_attr_destroy(&attributes);
}

void TlsFront::State::accept_forever() {
    std::vector<pollfd> entries;
    for (const Fd &listener : listeners) {
        entries.push_back({listener.get(), POLLIN, 0});
    }
    entries.push_back({stop.get(), POLLIN, 0});
    while (true) {
        if (poll(entries.data(), entries.size(), -1) < 0) {
            continue; // EINTR, or a lack of memory that passes
        }
        if (entries.back().revents != 0) {
            return;
        }
        for (std::size_t place = 0; place < listeners.size(); place++) {
            if (entries[place].revents == 0) {
                continue;
            }
            Fd socket(accept4(listeners[place].get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (socket.is_open()) {
                start_client(std::move(socket));
            } else if (errno != EAGAIN && errno != ECONNABORTED) {
                std::this_thread::sleep_for(kPause);
            }
        }
    }
}

Result<std::unique_ptr<TlsFront>> TlsFront::start(std::vector<Fd> listeners, const TlsFiles &files, Accept accept) {
    auto state = std::make_unique<State>();
    TRY(state->credentials.open(files));
    state->listeners = std::move(listeners);
    state->accept = std::move(accept);
    state->stop = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!state->stop.is_open()) {
        return fail_errno("eventfd");
    }
    TRY(make_nonblocking(state->listeners));
    const SignalsBlocked blocked; // for the acceptor and the threads that it starts
    state->acceptor = std::thread([running = state.get()] { running->accept_forever(); });
    return std::unique_ptr<TlsFront>(new TlsFront(std::move(state)));
}

void TlsFront::use(const TlsFiles &files) { state_->credentials.use(files); }

TlsFront::TlsFront(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsFront::~TlsFront() {
    (void)eventfd_write(state_->stop.get(), 1); // fails only when it is readable already
    state_->acceptor.join();
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->clients == 0; });
}

} // namespace ballast::http
