// SPDX-License-Identifier: Apache-2.0
#include "base/http/upgrade_client.h"

#include <array>
#include <boost/asio/error.hpp>
// Beast of this version uses std::aligned_storage, which C++23 deprecates.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#pragma GCC diagnostic pop
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/http/beast_stream.h"
#include "base/http/listener.h"
#include "base/http/socket_stream.h"

namespace ballast::http {
namespace {

namespace beast = boost::beast;
using Clock = SocketStream::Clock;
using Parser = beast::http::response_parser<beast::http::string_body>;

constexpr std::size_t kMostHeader = 16UL << 10;
constexpr std::size_t kMostBody = 64UL << 10;

Result<Fd> connect_to(const Url &url, Clock::time_point deadline) {
    const TcpAddress to = TRY(tcp_address(url.host, url.port));
    Fd socket(::socket(to.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        return fail_errno("socket");
    }
    const int yes = 1;
    (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); // works without, too
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
    const timeval time{.tv_sec = left.count() / 1'000'000, .tv_usec = left.count() % 1'000'000};
    if (setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0 ||
        connect(socket.get(), reinterpret_cast<const sockaddr *>(&to.bytes), to.size) != 0) {
        return fail_errno("connect to " + url.authority(), errno == EINPROGRESS ? ETIMEDOUT : errno);
    }
    const timeval never{};
    (void)setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &never, sizeof never); // waits are SocketStream's
    return socket;
}

Error problem(const beast::error_code &error) {
    if (error == beast::http::error::body_limit || error == beast::http::error::header_limit ||
        error == beast::http::error::buffer_overflow) {
        return {EFBIG, "its answer is too long"};
    }
    return error.category() == boost::system::system_category()
               ? fail_errno("its answer", error.value()).error()
               : Error{EPROTO, "its answer is no HTTP: " + error.message()};
}

// The head; and the body, unless the protocol is another from here on.
Result<Upgraded> read_answer(SocketStream &socket, Clock::time_point deadline) {
    beast::flat_buffer buffer(kMostHeader);
    Parser parser;
    parser.header_limit(kMostHeader);
    parser.body_limit(kMostBody);
    BeastStream stream(socket, deadline);
    beast::error_code error;
    beast::http::read_header(stream, buffer, parser, error);
    if (error) {
        return std::unexpected(problem(error));
    }
    Upgraded answer{.status = parser.get().result_int(), .connection = {}};
    for (const auto &field : parser.get()) {
        answer.headers.emplace_back(field.name_string(), field.value());
    }
    if (answer.switched()) {
        const auto ahead = buffer.data();
        answer.connection = {socket.take(), {static_cast<const char *>(ahead.data()), ahead.size()}};
        return answer;
    }
    beast::http::read(stream, buffer, parser, error);
    if (error) {
        return std::unexpected(problem(error));
    }
    answer.body = std::move(parser.get().body());
    return answer;
}

} // namespace

Result<Upgraded> ask_upgrade(const Url &url, const std::string &method, const Headers &headers,
                             std::chrono::milliseconds patience) {
    if (url.is_secure()) {
        return fail(ENOTSUP, url.text() + ": want http, not https");
    }
    const Clock::time_point deadline = Clock::now() + patience;
    SocketStream socket(TRY(connect_to(url, deadline)));
    std::string head = method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority() + "\r\n";
    for (const auto &[name, value] : headers) {
        head.append(name).append(": ").append(value).append("\r\n");
    }
    head += "Connection: Upgrade\r\nContent-Length: 0\r\n\r\n";
    const std::array<std::string_view, 1> parts{head};
    TRY(socket.write(parts, patience).within(url.authority()));
    return read_answer(socket, deadline).within(url.authority());
}

} // namespace ballast::http
