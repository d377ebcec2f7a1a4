// SPDX-License-Identifier: Apache-2.0
#include <catch2/generators/catch_generators.hpp>

#include "tests/unit/base/grpc_fixture.h"

using namespace ballast;
using namespace ballast::grpc;

namespace {

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr int kByte = 8;

// RFC 9113 section 4.1.
std::string frame(int type, int flags, std::uint32_t stream, const std::string &payload) {
    std::string bytes;
    for (int shift = 2 * kByte; shift >= 0; shift -= kByte) {
        bytes += static_cast<char>(payload.size() >> shift & 0xff);
    }
    bytes += static_cast<char>(type);
    bytes += static_cast<char>(flags);
    for (int shift = 3 * kByte; shift >= 0; shift -= kByte) {
        bytes += static_cast<char>(stream >> shift & 0xff);
    }
    return bytes + payload;
}

enum Type { kData, kHeaders, kPriority, kReset, kSettings, kPush, kPing, kGoAway, kWindow, kContinuation };
const std::string kEmptySettings = frame(kSettings, 0, 0, "");

Outcome echo(Call &call) { return outcome_of(call.send(call.request())); }

// All that the server sends until it ends the connection.
std::string last_words(const ServerFixture &fixture, const std::string &bytes) {
    const Fd socket = fixture.connect();
    (void)::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); // it may have closed in the middle
    std::string all;
    for (std::string piece = receive_bytes(socket); !piece.empty(); piece = receive_bytes(socket)) {
        all += piece;
    }
    return all;
}

} // namespace

TEST_CASE("who breaks the rules of HTTP/2 loses the connection, and nobody else does", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    const std::string bytes = GENERATE(
        std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), kPreface + frame(kPing, 0, 0, "12345678"), // no settings
        kPreface + kEmptySettings + frame(kData, 0, 0, "x"),                                         // no stream
        kPreface + kEmptySettings + frame(kData, 0, 1, "x"),                                         // an idle stream
        kPreface + kEmptySettings + frame(kHeaders, 4, 2, "x"),                                 // the server's number
        kPreface + kEmptySettings + frame(kHeaders, 4, 1, "\xff\xff\xff\xff\xff\xff\xff"),      // no HPACK
        kPreface + kEmptySettings + frame(kContinuation, 4, 1, "x"),                            // of nothing
        kPreface + kEmptySettings + frame(kHeaders, 0, 1, "") + frame(kPing, 0, 0, "12345678"), // in between
        kPreface + kEmptySettings + frame(kPush, 4, 1, std::string("\0\0\0\2", 4)),             // a client's push
        kPreface + kEmptySettings + frame(kPing, 0, 0, "short"), kPreface + frame(kSettings, 0, 0, "12345"),
        kPreface + kEmptySettings + frame(kWindow, 0, 0, std::string(4, '\0')),  // by nothing
        kPreface + kEmptySettings + frame(kReset, 0, 1, std::string(4, '\0')),   // an idle stream
        kPreface + kEmptySettings + std::string("\xff\xff\xff\0\0\0\0\0\1", 9)); // 16 MiB of a frame
    CAPTURE(bytes);
    (void)last_words(fixture, bytes); // ends: the connection was closed
    Client client(fixture.path);
    CHECK(client.call("/t.S/Echo", "x").message == "x");
}

TEST_CASE("pings without end and resets without end end the connection", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    std::string flood = kPreface + kEmptySettings;
    SECTION("resets") {
        RawClient client(fixture.connect());
        bool open = true;
        for (int number = 0; open && number < 5000; number++) {
            const Result<Session::Stream> stream = client.session().open(request_fields("/t.S/Echo"));
            if (!stream.has_value()) {
                break;
            }
            client.session().append(*stream, "\0");
            const std::string bytes = must(client.session().output(1 << 20));
            client.session().reset(*stream, Session::kCancel);
            const std::string more = must(client.session().output(1 << 20));
            open = ::send(client.socket().get(), (bytes + more).data(), bytes.size() + more.size(), MSG_NOSIGNAL) > 0;
        }
        while (client.pump()) {
        }
    }
    SECTION("settings of nothing") {
        const Fd socket = fixture.connect();
        for (int number = 0; number < 20'000; number++) {
            flood += kEmptySettings;
        }
        while (::send(socket.get(), flood.data(), flood.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        }
        while (!receive_bytes(socket).empty()) {
        }
    }
    Client client(fixture.path);
    CHECK(client.call("/t.S/Echo", "x").message == "x");
}

TEST_CASE("fields over the limit reset their stream only", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    RawClient client(fixture.connect());
    Fields many;
    for (int number = 0; number < 2000; number++) {
        many.emplace_back("x-" + std::to_string(number), "0123456789");
    }
    CHECK(raw_call(client, request_fields("/t.S/Echo", many), message_prefix(0)).code == Code::kDataLoss);
    CHECK(client.closed != 0);
    CHECK(raw_call(client, request_fields("/t.S/Echo"), message_prefix(1) + "x").ok());
}

TEST_CASE("a gRPC server answers pings", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    const Fd socket = fixture.connect();
    send_bytes(socket, kPreface + kEmptySettings + frame(kPing, 0, 0, "12345678"));
    const std::string pong = frame(kPing, 1, 0, "12345678");
    std::string all;
    while (!all.contains(pong)) {
        const std::string piece = receive_bytes(socket);
        REQUIRE_FALSE(piece.empty());
        all += piece;
    }
}

TEST_CASE("one connection more than there may be is closed", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}}, {.connections = 1});
    RawClient first(fixture.connect());
    CHECK(raw_call(first, request_fields("/t.S/Echo"), message_prefix(0)).ok());
    const Fd second = fixture.connect();
    CHECK(receive_bytes(second).empty());
    CHECK(raw_call(first, request_fields("/t.S/Echo"), message_prefix(0)).ok());
}
