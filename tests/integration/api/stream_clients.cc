// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/api/stream_clients.h"

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast::api_tests {

using stream::Spdy;

StreamConnection::StreamConnection(const std::string &url, const std::string &headers) {
    constexpr std::string_view kBegin = "http://127.0.0.1:";
    REQUIRE(url.starts_with(kBegin));
    const std::size_t slash = url.find('/', kBegin.size());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(kBegin.size()))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    must(write_all(socket, "POST " + url.substr(slash) + " HTTP/1.1\r\nHost: node\r\nConnection: Upgrade\r\n" +
                               headers + "Content-Length: 0\r\n\r\n"));
    std::size_t end = std::string::npos;
    while ((end = rest.find("\r\n\r\n")) == std::string::npos) {
        const std::string more = read();
        REQUIRE_FALSE(more.empty());
        rest += more;
    }
    head = rest.substr(0, end);
    rest.erase(0, end + 4);
}

std::string StreamConnection::read() const {
    pollfd entry{socket.get(), POLLIN, 0};
    REQUIRE(::poll(&entry, 1, 60'000) == 1);
    std::array<char, 8192> piece{};
    const ssize_t count = ::recv(socket.get(), piece.data(), piece.size(), 0);
    return {piece.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

std::string websocket_headers(const std::string &protocols) {
    return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
           (protocols.empty() ? "" : "Sec-WebSocket-Protocol: " + protocols + "\r\n");
}

std::string spdy_headers(const std::string &protocol) {
    return "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: " + protocol + "\r\n";
}

OverWebSocket::OverWebSocket(const std::string &url, const std::string &protocols)
    : connection(url, websocket_headers(protocols)) {
    INFO(connection.head << "\n" << connection.rest);
    REQUIRE(connection.head.starts_with("HTTP/1.1 101"));
    const std::string first = protocols.substr(0, protocols.find(','));
    CHECK(connection.head.contains("Sec-WebSocket-Protocol: " + first) == !protocols.empty());
    CHECK(connection.head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

void OverWebSocket::on_message(bool, std::string_view message) {
    messages += message;
    if (message.size() > 1) {
        said[message[0]] += message.substr(1);
    }
}

void OverWebSocket::on_close(std::uint16_t) { closed = true; }

void OverWebSocket::send(const std::string &message) {
    web.send(false, message);
    must(write_all(connection.socket, web.take_output()));
}

void OverWebSocket::read_until(const std::function<bool()> &enough) {
    must(web.feed(std::exchange(connection.rest, {})));
    while (!closed && !enough()) {
        const std::string more = connection.read();
        if (more.empty()) {
            return;
        }
        must(web.feed(more));
    }
}

void OverWebSocket::read_all() {
    read_until([] { return false; });
}

OverSpdy::OverSpdy(const std::string &url, const std::string &protocol)
    : connection(url, spdy_headers(protocol)), spdy(must(Spdy::make(Spdy::Side::kClient, *this))) {
    INFO(connection.head << "\n" << connection.rest);
    REQUIRE(connection.head.starts_with("HTTP/1.1 101"));
    CHECK(connection.head.contains("X-Stream-Protocol-Version: " + protocol));
}

void OverSpdy::open(const std::string &type, stream::Fields fields) {
    fields.emplace_back("streamtype", type);
    streams[type] = spdy.open(fields);
}

void OverSpdy::open_port(const std::string &port, const std::string &request) {
    open("error", {{"port", port}, {"requestid", request}});
    spdy.end(streams["error"]); // as kubectl does
    open("data", {{"port", port}, {"requestid", request}});
}

void OverSpdy::flush() { must(write_all(connection.socket, spdy.take_output())); }

void OverSpdy::read_until(const std::function<bool()> &enough) {
    must(spdy.feed(std::exchange(connection.rest, {})));
    while (!enough()) {
        const std::string more = connection.read();
        if (more.empty()) {
            return;
        }
        must(spdy.feed(more));
    }
}

void OverSpdy::read_all() {
    read_until([] { return false; });
}

void OverSpdy::on_data(Spdy::Stream stream, std::string_view bytes) { said[stream] += bytes; }

} // namespace ballast::api_tests
