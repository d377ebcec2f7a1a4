// SPDX-License-Identifier: Apache-2.0
#include "base/http/exchange.h"

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
// Beast of this version uses std::aligned_storage, which C++23 deprecates.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#pragma GCC diagnostic pop
#include <ctime>
#include <format>
#include <poll.h>

#include "base/http/beast_stream.h"
#include "base/http/connection.h"
#include "base/http/socket_stream.h"

namespace ballast::http {
namespace {

namespace beast = boost::beast;
using Clock = SocketStream::Clock;
using Parser = beast::http::request_parser<beast::http::buffer_body>;

// What is read and dropped of a body that the handler did not want, to keep the connection usable.
constexpr std::uint64_t kMostDropped = 256UL << 10;
// A client that is sent away while it still sends must be able to read why: so much longer is its body listened to.
constexpr std::chrono::milliseconds kFarewellTime{1000};
constexpr std::uint64_t kMostFarewell = 8UL << 20;

bool same_letters(std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other, [](char a, char b) {
        auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
        return lower(a) == lower(b);
    });
}

std::string date_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), size};
}

int errno_of(const beast::error_code &error) {
    return error.category() == boost::system::system_category() ? error.value() : EBADMSG;
}

} // namespace

std::string_view Request::header(std::string_view name) const {
    for (const auto &[key, value] : headers) {
        if (same_letters(key, name)) {
            return value;
        }
    }
    return {};
}

class Exchange::Connection {
  public:
    Connection(Fd socket, Peer from, const Limits &limits, HangupWatch &watch, BorrowedFd stop_event)
        : peer(std::move(from)), limits_(limits), watch_(watch), stop_event_(stop_event), stream_(std::move(socket)),
          buffer_(limits.header_bytes) {}

    enum class Stage { kAsked, kStreaming, kAnswered, kHijacked };

    // Waits for the first byte of a request and reads its head. False: there will be no more of them.
    bool next_request();
    // False: the connection cannot be used any more.
    bool end_exchange();
    void say_farewell();

    Result<std::size_t> read_body(std::span<char> into);
    Status answer(unsigned status, const Headers &headers, std::string_view body);
    Status begin(unsigned status, const Headers &headers, Ending ending);
    Status write(std::string_view bytes);
    Status finish();
    Wake wait(std::optional<BorrowedFd> event, std::optional<std::chrono::milliseconds> time);
    Result<Hijacked> hijack(std::string_view content_type);
    Result<Hijacked> upgrade(const Headers &headers);
    void cut() { stream_.cut(); }

    Request request;
    const Peer peer;
    Stage stage() const { return stage_; }
    BorrowedFd stop_event() const { return stop_event_; }
    HangupWatch::Watched watch_client() { return watch_.watch(stream_.fd()); }

  private:
    bool wait_for_request();
    bool take_head();
    void refuse(unsigned status, std::string_view why);
    bool drop_body(std::uint64_t most, Clock::time_point deadline);
    bool body_is_droppable() const;
    std::string head(unsigned status, const Headers &headers, std::string_view framing) const;
    Status send(std::initializer_list<std::string_view> parts);
    Result<Hijacked> hand_over(std::string_view head);
    bool stopping() const { return wait_for(stop_event_, POLLIN, Clock::now()).value_or(0) != 0; }

    const Limits &limits_;
    HangupWatch &watch_;
    BorrowedFd stop_event_;
    SocketStream stream_;
    beast::flat_buffer buffer_;
    std::optional<Parser> parser_; // of one request, gone while the connection idles
    Stage stage_ = Stage::kAsked;
    bool first_ = true;
    bool keep_ = true;
    bool chunked_ = false;           // the answer
    bool client_waits_ = false;      // for 100 (Continue)
    bool body_was_given_up_ = false; // there is more of it on the wire
};

bool Exchange::Connection::wait_for_request() {
    if (buffer_.size() > 0) {
        return true; // the client did not wait for the answer before
    }
    buffer_.shrink_to_fit();
    const Clock::time_point deadline = Clock::now() + (first_ ? limits_.header_time : limits_.idle_time);
    first_ = false;
    while (true) {
        std::array<pollfd, 2> entries{pollfd{stream_.fd().get(), POLLIN, 0}, pollfd{stop_event_.get(), POLLIN, 0}};
        const int count = poll(entries.data(), entries.size(), poll_time(deadline));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        return count > 0 && entries[1].revents == 0;
    }
}

bool Exchange::Connection::next_request() {
    request = {};
    parser_.reset();
    stage_ = Stage::kAsked;
    client_waits_ = body_was_given_up_ = false;
    if (!wait_for_request()) {
        return false;
    }
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    parser_->body_limit(boost::none); // whoever reads the body says how much of it
    BeastStream stream(stream_, Clock::now() + limits_.header_time);
    beast::error_code error;
    beast::http::read_header(stream, buffer_, *parser_, error);
    if (!error) {
        return take_head();
    }
    using Problem = beast::http::error;
    if (error == Problem::header_limit || error == Problem::buffer_overflow) {
        refuse(431, "the request's headers are longer than " + std::to_string(limits_.header_bytes) + " bytes");
    } else if (error.category() == boost::system::system_category()) {
        if (error.value() == ETIMEDOUT) {
            refuse(408, "the request's headers did not arrive in time");
        }
    } else if (error != Problem::end_of_stream && error != Problem::partial_message) {
        refuse(400, "this is not HTTP/1.1: " + error.message());
    }
    return false;
}

bool Exchange::Connection::take_head() {
    const auto &head = parser_->get();
    request.method = head.method_string();
    request.target = head.target();
    request.has_body = !parser_->is_done();
    for (const auto &field : head) {
        request.headers.emplace_back(field.name_string(), field.value());
    }
    keep_ = head.keep_alive() && head.version() >= 11;
    std::optional<Target> target = parse_target(request.target);
    if (!target) {
        refuse(400, "the request's target is malformed");
        return false;
    }
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    // A body that we took for a request of its own would be one that nobody authorised (RFC 9112 section 11.2).
    if (!request.header("Transfer-Encoding").empty() && (!parser_->chunked() || head.version() < 11)) {
        refuse(501, "the only transfer coding here is chunked");
        return false;
    }
    const std::string_view expectation = request.header("Expect");
    client_waits_ = request.has_body && same_letters(expectation, "100-continue");
    if (!expectation.empty() && !same_letters(expectation, "100-continue")) {
        refuse(417, "the only expectation here is 100-continue");
        return false;
    }
    return true;
}

void Exchange::Connection::refuse(unsigned status, std::string_view why) {
    keep_ = false;
    stage_ = Stage::kAsked;
    body_was_given_up_ = true;
    // The connection ends either way.
    (void)answer(status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(why) + "\n");
}

Result<std::size_t> Exchange::Connection::read_body(std::span<char> into) {
    if (stage_ == Stage::kHijacked || body_was_given_up_) {
        return fail(EBADMSG, "the body is no longer to be had");
    }
    if (client_waits_ && stage_ == Stage::kAsked && !parser_->is_done()) {
        client_waits_ = false;
        TRY(send({"HTTP/1.1 100 Continue\r\n\r\n"}));
    }
    auto &body = parser_->get().body();
    while (!parser_->is_done()) {
        body.data = into.data();
        body.size = into.size();
        body.more = true;
        BeastStream stream(stream_, Clock::now() + limits_.body_time);
        beast::error_code error;
        beast::http::read_some(stream, buffer_, *parser_, error);
        const std::size_t count = into.size() - body.size;
        if (error && error != beast::http::error::need_buffer) {
            keep_ = false;
            body_was_given_up_ = true;
            const int code = error == beast::http::error::partial_message ? ECONNRESET : errno_of(error);
            return fail(code, "read the request's body: " +
                                  (code == ECONNRESET ? "the client hung up half-way" : error.message()));
        }
        if (count > 0) {
            return count;
        }
    }
    return std::size_t{0};
}

bool Exchange::Connection::drop_body(std::uint64_t most, Clock::time_point deadline) {
    std::array<char, 4096> piece{};
    auto &body = parser_->get().body();
    for (std::uint64_t dropped = 0; !parser_->is_done() && dropped < most;) {
        body.data = piece.data();
        body.size = piece.size();
        body.more = true;
        BeastStream stream(stream_, deadline);
        beast::error_code error;
        dropped += beast::http::read_some(stream, buffer_, *parser_, error);
        if (error && error != beast::http::error::need_buffer) {
            return false;
        }
    }
    return parser_->is_done();
}

bool Exchange::Connection::body_is_droppable() const {
    if (parser_->is_done()) {
        return true;
    }
    return !client_waits_ && !body_was_given_up_ && !parser_->chunked() &&
           parser_->content_length_remaining().value_or(kMostDropped + 1) <= kMostDropped;
}

std::string Exchange::Connection::head(unsigned status, const Headers &headers, std::string_view framing) const {
    std::string text =
        std::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", status,
                    std::string_view(beast::http::obsolete_reason(beast::http::int_to_status(status))), date_now());
    for (const auto &[name, value] : headers) {
        text += name + ": ";
        // What came from a request or an image must not end a header.
        std::ranges::transform(value, std::back_inserter(text),
                               [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c; });
        text += "\r\n";
    }
    text += framing;
    text += keep_ ? "\r\n" : "Connection: close\r\n\r\n";
    return text;
}

Status Exchange::Connection::send(std::initializer_list<std::string_view> parts) {
    Status sent = stream_.write(parts, limits_.write_time);
    if (!sent.has_value()) {
        keep_ = false;
    }
    return sent;
}

Status Exchange::Connection::answer(unsigned status, const Headers &headers, std::string_view body) {
    if (stage_ != Stage::kAsked) {
        return fail(EALREADY, "the request was answered before");
    }
    stage_ = Stage::kAnswered;
    if (parser_.has_value() && keep_) {
        keep_ = body_is_droppable() && !stopping();
    }
    const bool bodiless = status == 204 || status == 304;
    const std::string framing = bodiless ? "" : std::format("Content-Length: {}\r\n", body.size());
    const bool silent = bodiless || request.is_head();
    return send({head(status, headers, framing), silent ? std::string_view() : body});
}

Status Exchange::Connection::begin(unsigned status, const Headers &headers, Ending ending) {
    if (stage_ != Stage::kAsked) {
        return fail(EALREADY, "the request was answered before");
    }
    stage_ = Stage::kStreaming;
    if (keep_) {
        keep_ = ending == Ending::kChunk && body_is_droppable() && !stopping();
    }
    // HTTP/1.0 knows no chunks; there the end of the connection ends the answer.
    chunked_ = ending == Ending::kChunk && parser_->get().version() >= 11 && !request.is_head();
    return send({head(status, headers, chunked_ ? "Transfer-Encoding: chunked\r\n" : "")});
}

Status Exchange::Connection::write(std::string_view bytes) {
    if (stage_ != Stage::kStreaming) {
        return fail(EALREADY, "there is no answer to add to");
    }
    if (bytes.empty() || request.is_head()) {
        return {}; // an empty chunk would be the last one
    }
    if (!chunked_) {
        return send({bytes});
    }
    return send({std::format("{:x}\r\n", bytes.size()), bytes, "\r\n"});
}

Status Exchange::Connection::finish() {
    if (stage_ != Stage::kStreaming) {
        return fail(EALREADY, "there is no answer to finish");
    }
    stage_ = Stage::kAnswered;
    return chunked_ ? send({"0\r\n\r\n"}) : Status();
}

Exchange::Wake Exchange::Connection::wait(std::optional<BorrowedFd> event,
                                          std::optional<std::chrono::milliseconds> time) {
    const Clock::time_point deadline = Clock::now() + time.value_or(std::chrono::hours(24 * 365));
    while (true) {
        // Not POLLIN: the client's next request may wait there, and would wake us for ever.
        std::array<pollfd, 3> entries{pollfd{stream_.fd().get(), POLLRDHUP, 0}, pollfd{stop_event_.get(), POLLIN, 0},
                                      pollfd{event ? event->get() : -1, POLLIN, 0}};
        const int count = poll(entries.data(), entries.size(), time ? poll_time(deadline) : -1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 || entries[0].revents != 0) {
            keep_ = false;
            return Wake::kClientGone;
        }
        if (entries[1].revents != 0) {
            return Wake::kStopping;
        }
        return count == 0 ? Wake::kTime : Wake::kEvent;
    }
}

Result<Hijacked> Exchange::Connection::hijack(std::string_view content_type) {
    const bool upgrade = !request.header("Upgrade").empty();
    // The exact bytes that clients of the Docker API look for; RFC 9110 section 7.8 wants the two headers with 101
    // only.
    std::string head = upgrade ? "HTTP/1.1 101 UPGRADED\r\nContent-Type: " : "HTTP/1.1 200 OK\r\nContent-Type: ";
    head.append(content_type).append(upgrade ? "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n" : "\r\n\r\n");
    return hand_over(head);
}

Result<Hijacked> Exchange::Connection::upgrade(const Headers &headers) {
    std::string head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n";
    for (const auto &[name, value] : headers) {
        head.append(name).append(": ").append(value).append("\r\n");
    }
    return hand_over(head + "\r\n");
}

Result<Hijacked> Exchange::Connection::hand_over(std::string_view head) {
    if (stage_ != Stage::kAsked) {
        return fail(EALREADY, "the request was answered before");
    }
    if (!drop_body(kMostDropped, Clock::now() + limits_.header_time)) {
        return fail(EBADMSG, "a request that takes the connection over cannot have a long body");
    }
    stage_ = Stage::kHijacked;
    TRY(send({head}));
    const auto ahead = buffer_.data();
    std::string read_ahead(static_cast<const char *>(ahead.data()), ahead.size());
    buffer_.clear();
    buffer_.shrink_to_fit();
    return Hijacked{stream_.take(), std::move(read_ahead)};
}

bool Exchange::Connection::end_exchange() {
    if (stage_ == Stage::kHijacked || stage_ == Stage::kStreaming) {
        return false; // not ours any more, or broken off on purpose
    }
    if (stage_ == Stage::kAsked) {
        if (!answer(500, {{"Content-Type", "text/plain; charset=utf-8"}}, "the request was not answered\n")
                 .has_value()) {
            return false;
        }
    }
    return keep_ && drop_body(kMostDropped, Clock::now() + limits_.header_time);
}

// Closing a socket that holds unread bytes resets the connection, and the client may lose the answer.
void Exchange::Connection::say_farewell() {
    if (stage_ != Stage::kAnswered || (parser_.has_value() && parser_->is_done())) {
        return;
    }
    (void)shutdown(stream_.fd().get(), SHUT_WR); // a client that is gone needs no farewell
    std::array<char, 4096> piece{};
    const Clock::time_point deadline = Clock::now() + kFarewellTime;
    for (std::uint64_t dropped = 0; dropped < kMostFarewell;) {
        const std::size_t count = stream_.read(piece, deadline).value_or(0);
        if (count == 0) {
            return;
        }
        dropped += count;
    }
}

const Request &Exchange::request() const { return connection_.request; }
const Peer &Exchange::peer() const { return connection_.peer; }
Result<std::size_t> Exchange::read_body(std::span<char> into) { return connection_.read_body(into); }

Result<std::string> Exchange::whole_body(std::size_t most) {
    std::string body;
    std::array<char, 8192> piece{};
    while (true) {
        const std::size_t count = TRY(connection_.read_body(piece));
        if (count == 0) {
            return body;
        }
        if (body.size() + count > most) {
            return fail(EFBIG, std::format("the request's body is longer than {} bytes", most));
        }
        body.append(piece.data(), count);
    }
}

Status Exchange::answer(unsigned status, const Headers &headers, std::string_view body) {
    return connection_.answer(status, headers, body);
}
bool Exchange::answered() const { return connection_.stage() != Connection::Stage::kAsked; }
Status Exchange::begin(unsigned status, const Headers &headers, Ending ending) {
    return connection_.begin(status, headers, ending);
}
Status Exchange::write(std::string_view bytes) { return connection_.write(bytes); }
Status Exchange::finish() { return connection_.finish(); }
Exchange::Wake Exchange::wait(std::optional<BorrowedFd> event, std::optional<std::chrono::milliseconds> time) {
    return connection_.wait(event, time);
}
bool Exchange::client_gone() {
    return connection_.wait(std::nullopt, std::chrono::milliseconds(0)) == Wake::kClientGone;
}
HangupWatch::Watched Exchange::watch_client() { return connection_.watch_client(); }
BorrowedFd Exchange::stop_event() const { return connection_.stop_event(); }
Result<Hijacked> Exchange::hijack(std::string_view content_type) { return connection_.hijack(content_type); }
Result<Hijacked> Exchange::upgrade(const Headers &headers) { return connection_.upgrade(headers); }

Conversation::Conversation(Fd socket, Peer peer, const Limits &limits, HangupWatch &watch, BorrowedFd stop_event)
    : connection_(
          std::make_unique<Exchange::Connection>(std::move(socket), std::move(peer), limits, watch, stop_event)) {}
Conversation::~Conversation() = default;

void Conversation::run(const std::function<void(Exchange &)> &handler) {
    while (connection_->next_request()) {
        Exchange exchange(*connection_);
        handler(exchange);
        if (!connection_->end_exchange()) {
            break;
        }
    }
    connection_->say_farewell();
}

void Conversation::cut() { connection_->cut(); }

void turn_away(Fd socket) {
    static constexpr std::string_view kBody = "too many connections; try again later\n";
    const std::string answer =
        std::format("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Length: {}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{}",
                    kBody.size(), kBody);
    // Never waits: the accepting thread runs this. A client that takes nothing gets nothing.
    (void)::send(socket.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(socket.get(), SHUT_WR);
}

} // namespace ballast::http
