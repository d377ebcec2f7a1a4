// SPDX-License-Identifier: Apache-2.0
#include "base/http/tls_front.h"

#include <array>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>

#include "base/file_io.h"
#include "base/http/listener.h"
#include "base/http/socket_stream.h"
#include "base/log.h"
#include "base/signals_blocked.h"

namespace ballast::http {
namespace {

using Clock = SocketStream::Clock;

constexpr std::size_t kMostClients = 512;
constexpr std::size_t kStack = 256UL << 10;
constexpr std::size_t kPiece = 16UL << 10; // a record of TLS
constexpr std::chrono::seconds kHandshakeTime{10};
constexpr std::chrono::seconds kGoodbyeTime{10}; // for a client to close once the server has
constexpr std::chrono::milliseconds kPause{100}; // without descriptors
constexpr mode_t kOthers = 077;

struct FreeContext {
    void operator()(SSL_CTX *context) const { SSL_CTX_free(context); }
};
struct FreeSession {
    void operator()(SSL *session) const { SSL_free(session); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Session = std::unique_ptr<SSL, FreeSession>;

std::string reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char *text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? "unknown error" : text;
}

std::unexpected<Error> bad_file(const char *what, const std::filesystem::path &file) {
    return fail(EINVAL, std::string("TLS: the ") + what + " in " + file.string() + ": " + reason());
}

Status check_key(const std::filesystem::path &file) {
    struct stat status{};
    if (stat(file.c_str(), &status) != 0) {
        return fail_errno("TLS: " + file.string());
    }
    if ((status.st_mode & kOthers) != 0) {
        return fail(EPERM, "TLS: " + file.string() + ": others than its owner may use the key; chmod 600 it");
    }
    return {};
}

Status want_certificates(SSL_CTX *context, const TlsFiles &files) {
    TRY(open_file(files.authorities, O_RDONLY).within("TLS"));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (files.strangers ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), nullptr);
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files.authorities.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(context, files.authorities.c_str()) != 1) {
        return bad_file("authorities", files.authorities);
    }
    SSL_CTX_set_client_CA_list(context, names); // takes them
    return {};
}

Result<Context> context_of(const TlsFiles &files) {
    TRY(open_file(files.certificate, O_RDONLY).within("TLS"));
    TRY(check_key(files.key));
    Context context(SSL_CTX_new(TLS_server_method()));
    if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
        return fail(EIO, "TLS: " + reason());
    }
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (!files.authorities.empty() || !files.strangers) {
        TRY(want_certificates(context.get(), files));
    }
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
        return bad_file("certificate", files.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1) {
        return bad_file("key", files.key);
    }
    return context;
}

// Every text of that kind in a name; one that holds a NUL, which would read as another elsewhere, is left out.
std::vector<std::string> texts_of(const X509_NAME *name, int kind) {
    std::vector<std::string> texts;
    for (int place = X509_NAME_get_index_by_NID(name, kind, -1); place >= 0;
         place = X509_NAME_get_index_by_NID(name, kind, place)) {
        unsigned char *bytes = nullptr;
        const int size = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, place)));
        if (size < 0) {
            continue;
        }
        std::string text(reinterpret_cast<const char *>(bytes), static_cast<std::size_t>(size));
        OPENSSL_free(bytes);
        if (!text.contains('\0')) {
            texts.push_back(std::move(text));
        }
    }
    return texts;
}

// Nothing: it showed none. A wrong one has ended the handshake.
std::optional<CertifiedName> certified(const SSL *session) {
    const X509 *certificate = SSL_get0_peer_certificate(session);
    if (certificate == nullptr || SSL_get_verify_result(session) != X509_V_OK) {
        return std::nullopt;
    }
    const X509_NAME *subject = X509_get_subject_name(certificate);
    std::vector<std::string> names = texts_of(subject, NID_commonName);
    return CertifiedName{.common_name = names.empty() ? "" : std::move(names.back()),
                         .organizations = texts_of(subject, NID_organizationName)};
}

// One client.
class Relay {
  public:
    Relay(SSL *session, BorrowedFd socket, BorrowedFd stop) : session_(session), socket_(socket), stop_(stop) {}

    // Whether the client is one of ours. `why` not, otherwise.
    bool shake_hands(std::string &why) {
        const Clock::time_point deadline = Clock::now() + kHandshakeTime;
        while (true) {
            const int done = SSL_accept(session_);
            if (done == 1) {
                return true;
            }
            if (!note(done)) {
                why = reason();
                return false;
            }
            if (!wait(deadline)) {
                why = "no handshake in time";
                return false;
            }
        }
    }

    void run(Fd plain) {
        plain_ = std::move(plain);
        std::optional<Clock::time_point> deadline;
        while (true) {
            socket_events_ = plain_events_ = 0;
            if (!bring_up() || !bring_down() || (up_closed_ && down_closed_)) {
                return;
            }
            if (down_closed_ && !deadline) {
                deadline = Clock::now() + kGoodbyeTime;
            }
            if (!wait(deadline)) {
                return;
            }
        }
    }

  private:
    // What a call of OpenSSL's waits for. False: it failed.
    bool note(int result) {
        switch (SSL_get_error(session_, result)) {
        case SSL_ERROR_WANT_READ:
            socket_events_ |= POLLIN;
            return true;
        case SSL_ERROR_WANT_WRITE:
            socket_events_ |= POLLOUT;
            return true;
        default:
            return false;
        }
    }

    bool wait(std::optional<Clock::time_point> deadline) {
        // One that nothing is wanted of is left out: its hang-up would be told over and over.
        std::array<pollfd, 3> entries{pollfd{socket_events_ != 0 ? socket_.get() : -1, socket_events_, 0},
                                      pollfd{plain_events_ != 0 ? plain_.get() : -1, plain_events_, 0},
                                      pollfd{stop_.get(), POLLIN, 0}};
        const int count = poll(entries.data(), entries.size(), deadline ? poll_time(*deadline) : -1);
        return (count > 0 && entries[2].revents == 0) || (count < 0 && errno == EINTR);
    }

    // From the client to the server. False: the connection is over.
    bool bring_up() {
        if (!up_closed_ && up_.empty()) {
            const int count = SSL_read(session_, up_room_.data(), static_cast<int>(up_room_.size()));
            if (count > 0) {
                up_ = {up_room_.data(), static_cast<std::size_t>(count)};
            } else if (SSL_get_error(session_, count) == SSL_ERROR_ZERO_RETURN) {
                (void)shutdown(plain_.get(), SHUT_WR); // the server may have been faster
                up_closed_ = true;
            } else if (!note(count)) {
                return false;
            }
        }
        if (up_.empty()) {
            return true;
        }
        const ssize_t sent = send(plain_.get(), up_.data(), up_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        up_.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
        if (up_.empty()) {
            socket_events_ |= SSL_has_pending(session_) == 1 ? POLLIN | POLLOUT : POLLIN; // go on at once
        } else {
            plain_events_ |= POLLOUT;
        }
        return true;
    }

    bool bring_down() {
        if (!down_closed_ && down_.empty()) {
            const ssize_t count = recv(plain_.get(), down_room_.data(), down_room_.size(), MSG_DONTWAIT);
            if (count > 0) {
                down_ = {down_room_.data(), static_cast<std::size_t>(count)};
            } else if (count == 0) {
                (void)SSL_shutdown(session_); // tells the client; what it says to that is read above
                down_closed_ = true;
            } else if (errno == EAGAIN || errno == EINTR) {
                plain_events_ |= POLLIN;
            } else {
                return false;
            }
        }
        if (down_.empty()) {
            return true;
        }
        const int sent = SSL_write(session_, down_.data(), static_cast<int>(down_.size()));
        if (sent > 0) {
            down_.remove_prefix(static_cast<std::size_t>(sent));
            plain_events_ |= down_.empty() ? POLLIN : 0;
            socket_events_ |= down_.empty() ? 0 : POLLOUT;
            return true;
        }
        return note(sent);
    }

    SSL *session_;
    BorrowedFd socket_, stop_;
    Fd plain_;
    short socket_events_ = 0, plain_events_ = 0;
    std::array<char, kPiece> up_room_{}, down_room_{};
    std::string_view up_, down_; // what is on its way
    bool up_closed_ = false, down_closed_ = false;
};

void prepare_socket(BorrowedFd socket) {
    const int yes = 1;
    // A client whose machine is gone must not be waited for for ever; a socket without these options works, too.
    (void)setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

} // namespace

struct TlsFront::State {
    std::vector<Fd> listeners;
    Context context;
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
    const Session session(SSL_new(context.get()));
    if (session == nullptr || SSL_set_fd(session.get(), socket.get()) != 1) {
        return;
    }
    const auto relay = std::make_unique<Relay>(session.get(), socket, stop);
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
    client.certificate = certified(session.get());
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
    state->context = TRY(context_of(files));
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

TlsFront::TlsFront(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsFront::~TlsFront() {
    (void)eventfd_write(state_->stop.get(), 1); // fails only when it is readable already
    state_->acceptor.join();
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->clients == 0; });
}

} // namespace ballast::http
