// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/client.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <vector>

#include "base/fd.h"
#include "base/http/socket_stream.h"
#include "base/unix_address.h"

namespace ballast::grpc {
namespace {

using Clock = std::chrono::steady_clock;
using Sink = std::function<Outcome(std::string)>;

constexpr std::size_t kPiece = 64UL << 10;
constexpr std::size_t kMostIdle = 16; // connections kept

Result<Fd> connect_to(const std::filesystem::path &path) {
    const auto address = unix_address(path.native());
    if (!address) {
        return fail_errno(path.string(), ENAMETOOLONG);
    }
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open() ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) != 0) {
        return fail_errno("connect to " + path.string()); // EAGAIN: its queue is full
    }
    return socket;
}

// A call in progress, and what is known of its end.
struct Progress {
    Session::Stream stream = 0;
    MessageReader reader;
    const Sink *sink = nullptr;
    bool answered = false; // fields of a response came
    std::optional<Outcome> outcome = {};
    bool closed = false;
    bool refused = false; // the server did nothing of it
};

std::optional<Outcome> outcome_in(const Fields &fields) {
    const std::string_view code = field(fields, "grpc-status");
    if (code.empty()) {
        return std::nullopt;
    }
    return Outcome{parse_code(code).value_or(Code::kUnknown), decode_message(field(fields, "grpc-message"))};
}

// One connection, with one call on it at a time.
class Wire : private Session::Events {
  public:
    static Result<std::unique_ptr<Wire>> open(const Client::Connect &connect) {
        std::unique_ptr<Wire> wire(new Wire(TRY(connect())));
        wire->session_ = TRY(Session::make(Session::Side::kClient, *wire));
        return wire;
    }

    // Reads what came while nobody called. False: it takes no more calls.
    bool usable() {
        progress_ = Progress{.reader = MessageReader()};
        pollfd entry{socket_.get(), POLLIN, 0};
        while (poll(&entry, 1, 0) > 0) {
            if (!receive().has_value()) {
                return false;
            }
        }
        return !session_->over() && exchange_settings().has_value();
    }

    // Nothing: the server did nothing of it, and another connection may be tried.
    std::optional<Outcome> call(const Fields &head, std::string_view request, const Sink &sink,
                                const CallOptions &options, BorrowedFd stopped,
                                std::optional<Clock::time_point> deadline) {
        progress_ = {.reader = MessageReader(options.largest), .sink = &sink};
        const Result<Session::Stream> stream = session_->open(head);
        if (!stream.has_value()) {
            return std::nullopt;
        }
        progress_.stream = *stream;
        session_->append(*stream, message_prefix(request.size()));
        session_->append(*stream, request);
        session_->finish(*stream);
        while (!progress_.closed && !(progress_.outcome && !progress_.outcome->ok())) {
            if (const auto ended = wait(stopped, deadline)) {
                progress_.outcome = ended;
                break;
            }
        }
        if (!progress_.closed) {
            session_->reset(*stream, Session::kCancel);
            (void)send(); // the connection is given up if it stays in the way
        }
        if (progress_.refused) {
            return std::nullopt;
        }
        if (!progress_.outcome) {
            return Outcome{broken_ ? Code::kUnavailable : Code::kInternal, "the call ended without a status"};
        }
        return progress_.outcome;
    }

    bool reusable() const { return !broken_ && progress_.closed && !session_->over(); }

  private:
    explicit Wire(Fd socket) : socket_(std::move(socket)) {}

    Status exchange_settings() { return send(); }

    // Sends and receives once. The outcome of a call that ends here.
    std::optional<Outcome> wait(BorrowedFd stopped, std::optional<Clock::time_point> deadline) {
        if (const Status sent = send(); !sent.has_value()) {
            return lost(sent.error());
        }
        const bool more = !unsent_.empty();
        std::array<pollfd, 2> entries = {{
            {socket_.get(), static_cast<short>(POLLIN | (more ? POLLOUT : 0)), 0},
            {stopped.get(), POLLIN, 0},
        }};
        const int count = poll(entries.data(), entries.size(), deadline ? http::poll_time(*deadline) : -1);
        if (entries[1].revents != 0) {
            return Outcome{Code::kCancelled, "the call was cancelled"};
        }
        if (deadline && Clock::now() >= *deadline) {
            return Outcome{Code::kDeadlineExceeded, "the deadline is over"};
        }
        if (count <= 0 || (entries[0].revents & ~POLLOUT) == 0) {
            return std::nullopt;
        }
        const Status received = receive();
        return received.has_value() || progress_.closed ? std::nullopt : lost(received.error());
    }

    std::optional<Outcome> lost(const Error &error) {
        broken_ = true;
        return Outcome{error.code == EPROTO ? Code::kInternal : Code::kUnavailable, error.message};
    }

    Status send() {
        while (true) {
            if (unsent_.empty()) {
                unsent_ = TRY(session_->output(kPiece));
            }
            if (unsent_.empty()) {
                return {};
            }
            const ssize_t count = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0 && errno == EAGAIN) {
                return {};
            }
            if (count < 0 && errno != EINTR) {
                return fail_errno("send a call");
            }
            unsent_.erase(0, count < 0 ? 0 : static_cast<std::size_t>(count));
        }
    }

    Status receive() {
        std::array<char, kPiece> piece; // NOLINT(cppcoreguidelines-pro-type-member-init): filled by recv
        const ssize_t count = recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            return {};
        }
        if (count < 0) {
            broken_ = true;
            return fail_errno("receive an answer");
        }
        if (count == 0) {
            broken_ = true;
            return fail(ECONNRESET, "the server closed the connection");
        }
        return session_->feed({piece.data(), static_cast<std::size_t>(count)});
    }

    void on_fields(Session::Stream stream, const Fields &fields) override {
        const std::string_view status = field(fields, ":status");
        if (stream != progress_.stream || status.starts_with('1') || progress_.outcome) {
            return;
        }
        if (const auto outcome = outcome_in(fields)) {
            progress_.outcome = outcome;
        } else if (!status.empty() && status != "200") {
            progress_.outcome = Outcome{code_of_http_status(status), "the server answered " + std::string(status)};
        } else if (!status.empty() && !field(fields, "content-type").starts_with("application/grpc")) {
            progress_.outcome = Outcome{Code::kUnknown, "what the server answered is not gRPC"};
        } else if (status.empty()) {
            progress_.outcome = Outcome{Code::kUnknown, "the server said no status"};
        }
        progress_.answered = true;
    }

    void on_data(Session::Stream stream, std::string_view bytes) override {
        if (stream != progress_.stream || progress_.outcome) {
            return;
        }
        if (Outcome outcome = progress_.reader.feed(bytes); !outcome.ok()) {
            progress_.outcome = std::move(outcome);
            return;
        }
        while (std::optional<std::string> message = progress_.reader.next()) {
            if (Outcome outcome = (*progress_.sink)(std::move(*message)); !outcome.ok()) {
                progress_.outcome = std::move(outcome);
                return;
            }
        }
    }

    void on_end(Session::Stream stream) override {
        if (stream == progress_.stream && progress_.reader.in_the_middle() &&
            (!progress_.outcome || progress_.outcome->ok())) {
            progress_.outcome = Outcome{Code::kInternal, "a message of the answer is cut off"};
        }
    }

    void on_closed(Session::Stream stream, std::uint32_t error) override {
        if (stream != progress_.stream) {
            return;
        }
        progress_.closed = true;
        progress_.refused = error == Session::kRefusedStream && !progress_.answered;
        if (error != 0 && !progress_.outcome && !progress_.refused) {
            progress_.outcome = error == Session::kCancel
                                    ? Outcome{Code::kCancelled, "the server cancelled the call"}
                                    : Outcome{Code::kInternal, "the call was reset: error " + std::to_string(error)};
        }
    }

    Fd socket_;
    std::unique_ptr<Session> session_;
    Progress progress_;
    std::string unsent_;
    bool broken_ = false;
};

} // namespace

struct Client::Pool {
    Connect connect;
    std::mutex mutex;
    std::vector<std::unique_ptr<Wire>> idle;

    Result<std::unique_ptr<Wire>> take() {
        while (true) {
            std::unique_ptr<Wire> wire;
            {
                const std::lock_guard lock(mutex);
                if (idle.empty()) {
                    break;
                }
                wire = std::move(idle.back());
                idle.pop_back();
            }
            if (wire->usable()) {
                return wire;
            }
        }
        return Wire::open(connect);
    }

    void give_back(std::unique_ptr<Wire> wire) {
        const std::lock_guard lock(mutex);
        if (idle.size() < kMostIdle) {
            idle.push_back(std::move(wire));
        }
    }
};

Client::Client(std::filesystem::path socket) : Client([path = std::move(socket)] { return connect_to(path); }) {}
Client::Client(Connect connect) : pool_(std::make_unique<Pool>()) { pool_->connect = std::move(connect); }
Client::~Client() = default;

Outcome Client::stream(std::string_view method, std::string_view request, const Sink &sink,
                       const CallOptions &options) {
    std::optional<Clock::time_point> deadline;
    Fields head = {{":method", "POST"},         {":scheme", "http"}, {":path", std::string(method)},
                   {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
    if (options.timeout) {
        deadline = Clock::now() + *options.timeout;
        head.emplace_back("grpc-timeout", format_timeout(*options.timeout));
    }
    head.insert(head.end(), options.metadata.begin(), options.metadata.end());

    const Fd stopped(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stopped.is_open()) {
        return outcome_of(fail_errno("eventfd").error());
    }
    const std::stop_callback ring(options.stop, [&] { (void)eventfd_write(stopped.get(), 1); });
    // A server that is about to end refuses a call before it looks at it; whoever listens then is another.
    constexpr int kTries = 3;
    for (int tries = 0; tries < kTries; tries++) {
        Result<std::unique_ptr<Wire>> wire = pool_->take();
        if (!wire.has_value()) {
            return {Code::kUnavailable, wire.error().message};
        }
        const std::optional<Outcome> outcome = (*wire)->call(head, request, sink, options, stopped, deadline);
        if ((*wire)->reusable()) {
            pool_->give_back(std::move(*wire));
        }
        if (outcome) {
            return *outcome;
        }
    }
    return {Code::kUnavailable, "the server takes no calls"};
}

Reply Client::call(std::string_view method, std::string_view request, const CallOptions &options) {
    std::optional<std::string> message;
    Outcome outcome = stream(
        method, request,
        [&](std::string piece) -> Outcome {
            if (message) {
                return {Code::kInternal, "more than one message in answer"};
            }
            message = std::move(piece);
            return {};
        },
        options);
    if (outcome.ok() && !message) {
        outcome = {Code::kInternal, "no message in answer"};
    }
    return {std::move(outcome), std::move(message).value_or(std::string())};
}

} // namespace ballast::grpc
