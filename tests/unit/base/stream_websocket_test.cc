// SPDX-License-Identifier: Apache-2.0
#include "base/stream/websocket.h"

#include <catch2/generators/catch_generators.hpp>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::stream;

namespace {

struct Peer : WebSocket::Events {
    WebSocket socket;
    std::vector<std::string> messages;
    std::vector<int> closes;
    explicit Peer(WebSocket::Side side, std::size_t largest = 1UL << 20) : socket(side, *this, largest) {}
    void on_message(bool text, std::string_view message) override {
        messages.push_back((text ? "t:" : "b:") + std::string(message));
    }
    void on_close(std::uint16_t code) override { closes.push_back(code); }
};

// A client's frame: masked by zeros.
std::string frame(int first, const std::string &payload) {
    std::string bytes(1, static_cast<char>(first));
    if (payload.size() < 126) {
        bytes += static_cast<char>(0x80 | payload.size());
    } else {
        bytes += {static_cast<char>(0x80 | 126), static_cast<char>(payload.size() >> 8),
                  static_cast<char>(payload.size() & 0xff)};
    }
    return bytes + std::string(4, '\0') + payload;
}

} // namespace

TEST_CASE("a WebSocket's handshake is answered as the standard's example", "[stream]") {
    CHECK(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for (const char *wrong : {"", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==\r\n", "c2hvcnQ="}) {
        CAPTURE(wrong);
        CHECK_FALSE(websocket_accept(wrong).has_value());
    }
}

TEST_CASE("messages of any size go over a WebSocket in both directions, however they are cut", "[stream]") {
    Peer client(WebSocket::Side::kClient);
    Peer server(WebSocket::Side::kServer);
    const std::size_t piece = GENERATE(1UL, 7UL, 100'000UL);
    for (const std::size_t size : {0UL, 1UL, 125UL, 126UL, 65'535UL, 65'536UL}) {
        client.socket.send(false, std::string(size, 'c'));
        server.socket.send(true, std::string(size, 's'));
    }
    const auto carry = [&](Peer &from, Peer &to) {
        const std::string bytes = from.socket.take_output();
        for (std::size_t place = 0; place < bytes.size(); place += piece) {
            must(to.socket.feed(std::string_view(bytes).substr(place, piece)));
        }
    };
    carry(client, server);
    carry(server, client);
    REQUIRE(server.messages.size() == 6);
    REQUIRE(client.messages.size() == 6);
    CHECK((server.messages[5] == "b:" + std::string(65'536, 'c')));
    CHECK(client.messages[3] == "t:" + std::string(126, 's'));
}

TEST_CASE("pings are answered and pieces of a WebSocket's message put together", "[stream]") {
    Peer server(WebSocket::Side::kServer);
    must(server.socket.feed(frame(0x02, "a") + frame(0x89, "are you there") + frame(0x00, "b") + frame(0x80, "c")));
    CHECK(server.messages == std::vector<std::string>{"b:abc"});
    CHECK(server.socket.take_output() == "\x8a\x0d"
                                         "are you there");
    must(server.socket.feed(frame(0x8a, ""))); // an answer to nothing
    CHECK(server.socket.take_output().empty());
}

TEST_CASE("a WebSocket is closed by both sides", "[stream]") {
    Peer client(WebSocket::Side::kClient);
    Peer server(WebSocket::Side::kServer);
    client.socket.close(WebSocket::kGoingAway, "bye");
    must(server.socket.feed(client.socket.take_output()));
    CHECK(server.closes == std::vector<int>{WebSocket::kGoingAway});
    CHECK(server.socket.over());
    CHECK_FALSE(client.socket.over());
    must(client.socket.feed(server.socket.take_output()));
    CHECK(client.socket.over());
    client.socket.send(false, "late");
    client.socket.ping();
    CHECK(client.socket.take_output().empty());

    Peer other(WebSocket::Side::kServer);
    must(other.socket.feed(frame(0x88, "")));
    CHECK(other.closes == std::vector<int>{WebSocket::kNoCode});
}

TEST_CASE("what breaks the WebSocket's rules closes it with the right code", "[stream]") {
    const std::string masked = std::string("\x80\0\0\0\0", 5);
    const auto [bytes, code] = GENERATE_COPY(table<std::string, int>({
        {frame(0xc2, "x"), 1002},                                      // a reserved bit
        {frame(0x83, "x"), 1002},                                      // an unknown kind
        {std::string("\x82\x01x"), 1002},                              // not masked
        {frame(0x09, "x"), 1002},                                      // half a ping
        {frame(0x89, std::string(126, 'x')), 1002},                    // a long ping
        {frame(0x80, "x"), 1002},                                      // the rest of nothing
        {frame(0x02, "x") + frame(0x82, "y"), 1002},                   // a message in a message
        {frame(0x88, "x"), 1002},                                      // half a code
        {frame(0x88, std::string("\x03\xee", 2)), 1002},               // 1006
        {std::string("\x82\xfe\0\1", 4) + std::string(5, '\0'), 1002}, // a long length
        {std::string("\x82\xff\0\0\0\1\0\0\0\0", 10) + std::string(5, '\0'), 1009},
        {frame(0x02, std::string(900, 'x')) + frame(0x80, std::string(200, 'x')), 1009},
    }));
    CAPTURE(bytes);
    Peer server(WebSocket::Side::kServer, 1000);
    CHECK_FALSE(server.socket.feed(bytes).has_value());
    const std::string output = server.socket.take_output();
    REQUIRE(output.size() >= 4);
    CHECK(output[0] == '\x88');
    CHECK((static_cast<unsigned char>(output[2]) << 8 | static_cast<unsigned char>(output[3])) == code);
    CHECK(server.messages.empty());
    must(server.socket.feed(frame(0x82, "late")));
    CHECK(server.messages.empty());
}

TEST_CASE("a WebSocket's server that masks is refused", "[stream]") {
    Peer client(WebSocket::Side::kClient);
    CHECK(error_of(client.socket.feed(frame(0x82, "x"))).code == EPROTO);
}
