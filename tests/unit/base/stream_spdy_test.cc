// SPDX-License-Identifier: Apache-2.0
#include "base/stream/spdy.h"

#include <catch2/generators/catch_generators.hpp>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::stream;

namespace {

// Notes what happens.
struct Peer : Spdy::Events {
    Spdy spdy;
    std::vector<std::string> seen;
    bool accepts = true;
    explicit Peer(Spdy::Side side, const Spdy::Limits &limits = {}) : spdy(must(Spdy::make(side, *this, limits))) {}
    void on_stream(Spdy::Stream stream, const Fields &fields, bool ended) override {
        seen.push_back("stream " + std::to_string(stream) + " " + std::string(field(fields, "streamtype")) +
                       (ended ? " ended" : ""));
        if (accepts) {
            spdy.accept(stream);
        } else {
            spdy.reset(stream, Spdy::kRefused);
        }
    }
    void on_accepted(Spdy::Stream stream, const Fields &) override {
        seen.push_back("accepted " + std::to_string(stream));
    }
    void on_data(Spdy::Stream stream, std::string_view bytes) override {
        if (!seen.empty() && seen.back().starts_with("data " + std::to_string(stream) + " ")) {
            seen.back() += bytes; // as it comes, in pieces
        } else {
            seen.push_back("data " + std::to_string(stream) + " " + std::string(bytes));
        }
    }
    void on_end(Spdy::Stream stream) override { seen.push_back("end " + std::to_string(stream)); }
    void on_reset(Spdy::Stream stream, std::uint32_t status) override {
        seen.push_back("reset " + std::to_string(stream) + " " + std::to_string(status));
    }
    void on_go_away() override { seen.push_back("go away"); }
    std::vector<std::string> take() { return std::exchange(seen, {}); }
};

using Seen = std::vector<std::string>;

struct Pair {
    Peer client{Spdy::Side::kClient};
    Peer server{Spdy::Side::kServer};
    std::size_t piece = 1UL << 20;

    void carry() {
        for (bool moved = true; moved;) {
            moved = false;
            for (auto [from, to] : {std::pair(&client, &server), std::pair(&server, &client)}) {
                const std::string bytes = from->spdy.take_output();
                for (std::size_t place = 0; place < bytes.size(); place += piece) {
                    must(to->spdy.feed(std::string_view(bytes).substr(place, piece)));
                    moved = true;
                }
            }
        }
    }
};

std::uint32_t adler32(std::string_view bytes) { // RFC 1950
    std::uint32_t low = 1;
    std::uint32_t high = 0;
    for (const char c : bytes) {
        low = (low + static_cast<unsigned char>(c)) % 65521;
        high = (high + low) % 65521;
    }
    return high << 16U | low;
}

std::string frame(const std::string &head, const std::string &payload) {
    return head + std::string(1, '\0') + static_cast<char>(payload.size() >> 8) +
           static_cast<char>(payload.size() & 0xff) + payload;
}

} // namespace

TEST_CASE("SPDY's dictionary is the one that others pack with", "[stream]") {
    CHECK(spdy_dictionary().size() == 1423);
    CHECK(adler32(spdy_dictionary()) == 0xe3c6a7c2);
    FieldsPacker packer = must(FieldsPacker::make());
    const std::string packed = packer.pack({{"streamtype", "stdin"}});
    CHECK(packed.substr(2, 4) == "\xe3\xc6\xa7\xc2"); // which one, as its first bytes say
}

TEST_CASE("SPDY's fields are packed one block on top of the other", "[stream]") {
    FieldsPacker packer = must(FieldsPacker::make());
    FieldsUnpacker unpacker = must(FieldsUnpacker::make());
    for (const Fields &fields : {Fields{{"streamtype", "stdin"}}, Fields{}, Fields{{"a", ""}, {"port", "8080"}},
                                 Fields{{"large", std::string(5000, 'x')}}, Fields{{"streamtype", "stdin"}}}) {
        CHECK(must(unpacker.unpack(packer.pack(fields), 1UL << 16)) == fields);
    }
    CHECK(error_of(unpacker.unpack(packer.pack({{"bomb", std::string(100'000, 'x')}}), 1UL << 16)).code == EFBIG);
    for (const Fields &wrong : {Fields{{"", "x"}}, Fields{{"Upper", "x"}}, Fields{{"a", ""}, {"a", ""}}}) {
        FieldsPacker other = must(FieldsPacker::make());
        FieldsUnpacker reader = must(FieldsUnpacker::make());
        CHECK(error_of(reader.unpack(other.pack(wrong), 1UL << 16)).code == EPROTO);
    }
    FieldsUnpacker fresh = must(FieldsUnpacker::make());
    CHECK(error_of(fresh.unpack("no zlib at all", 1UL << 16)).code == EPROTO);
}

TEST_CASE("SPDY carries streams in both directions, however its bytes are cut", "[stream]") {
    Pair pair;
    pair.piece = GENERATE(1UL, 3UL, 1UL << 20);
    const Spdy::Stream in = pair.client.spdy.open({{"streamtype", "stdin"}});
    const Spdy::Stream out = pair.client.spdy.open({{"streamtype", "stdout"}});
    pair.carry();
    CHECK(pair.server.take() == Seen{"stream 1 stdin", "stream 3 stdout"});
    CHECK(pair.client.take() == Seen{"accepted 1", "accepted 3"});

    pair.client.spdy.write(in, "hello");
    pair.client.spdy.end(in);
    pair.client.spdy.write(in, "late");
    pair.carry();
    CHECK(pair.server.take() == Seen{"data 1 hello", "end 1"});
    pair.server.spdy.write(out, "world");
    pair.server.spdy.end(out);
    pair.server.spdy.end(in);
    pair.carry();
    CHECK(pair.client.take() == Seen{"data 3 world", "end 3", "end 1"});
    CHECK(pair.client.spdy.streams() == 1); // out: the client's own half is open still
    pair.client.spdy.end(out);
    pair.carry();
    CHECK(pair.server.take() == Seen{"end 3"});
    CHECK(pair.client.spdy.streams() == 0);
    CHECK(pair.server.spdy.streams() == 0);
}

TEST_CASE("a SPDY stream that is reset hears no more", "[stream]") {
    Pair pair;
    const Spdy::Stream stream = pair.client.spdy.open({{"streamtype", "data"}});
    pair.carry();
    (void)pair.server.take();
    pair.server.spdy.reset(stream, Spdy::kCancel);
    pair.client.spdy.write(stream, "on its way"); // before the reset came there
    pair.carry();
    CHECK(pair.server.take().empty());
    CHECK(pair.client.take() == Seen{"accepted 1", "reset 1 5"});
    pair.client.spdy.write(stream, "late");
    CHECK(pair.client.spdy.take_output().empty());

    pair.server.accepts = false;
    pair.client.spdy.open({{"streamtype", "other"}});
    pair.carry();
    CHECK(pair.client.take() == Seen{"reset 3 3"});
}

TEST_CASE("one SPDY stream more than there may be is refused and the others go on", "[stream]") {
    Peer client(Spdy::Side::kClient);
    Peer server(Spdy::Side::kServer, {.streams = 1});
    const Spdy::Stream first = client.spdy.open({{"streamtype", "data"}});
    client.spdy.open({{"streamtype", "data"}});
    client.spdy.write(first, "x");
    must(server.spdy.feed(client.spdy.take_output()));
    must(client.spdy.feed(server.spdy.take_output()));
    CHECK(server.take() == Seen{"stream 1 data", "data 1 x"});
    CHECK(client.take() == Seen{"accepted 1", "reset 3 3"});
}

TEST_CASE("SPDY pings are answered, and farewells heard", "[stream]") {
    Pair pair;
    pair.client.spdy.ping();
    const std::string ping = pair.client.spdy.take_output();
    must(pair.server.spdy.feed(ping));
    CHECK(pair.server.spdy.take_output() == ping);
    must(pair.client.spdy.feed(ping)); // its own, and not answered again
    CHECK(pair.client.spdy.take_output().empty());
    pair.server.spdy.go_away();
    pair.carry();
    CHECK(pair.client.take() == Seen{"go away"});
}

TEST_CASE("what breaks SPDY's rules ends the connection", "[stream]") {
    const std::string control("\x80\x03\0", 3);
    const std::string bytes = GENERATE_COPY(
        std::string("\x80\x02\0\x01\0\0\0\0", 8),           // version 2
        frame(control + std::string("\x01\0", 2), "short"), // half a stream
        frame(control + std::string("\x01\0", 2), std::string("\0\0\0\1\0\0\0\0\0\0garbage", 17)),
        frame(control + std::string("\x02\0", 2), "\1"),                                     // half an answer
        frame(control + std::string("\x03\0", 2), "\1"),                                     // half a reset
        frame(control + std::string("\x06\0", 2), "\1"),                                     // half a ping
        std::string("\0\0\0\x05\0\0\0\1x", 9),                                               // data of nothing
        std::string("\0\0\0\0\0\0\0\1x", 9), std::string("\x80\x03\0\x01\0\xff\xff\xff", 8), // a frame of 16 MiB
        std::string("GET / HTTP/1.1\r\n\r\n"));
    CAPTURE(bytes);
    Peer server(Spdy::Side::kServer);
    CHECK_FALSE(server.spdy.feed(bytes).has_value());
    CHECK(server.seen.empty());
    CHECK(server.spdy.take_output().starts_with(std::string("\x80\x03\0\x07", 4))); // GOAWAY
    must(server.spdy.feed(bytes));
    CHECK(server.spdy.take_output().empty());
}

TEST_CASE("SPDY streams with a number of the past or of the other side end the connection", "[stream]") {
    Peer first(Spdy::Side::kClient);
    Peer second(Spdy::Side::kClient);
    Peer server(Spdy::Side::kServer);
    first.spdy.open({{"streamtype", "data"}});
    std::string bytes = first.spdy.take_output();
    must(server.spdy.feed(bytes));
    second.spdy.open({{"streamtype", "data"}});
    // The same number once more, packed as the connection's second block.
    first.spdy.open({{"streamtype", "data"}});
    std::string again = first.spdy.take_output();
    again[11] = GENERATE('\1', '\2', '\0');
    CHECK(error_of(server.spdy.feed(again)).code == EPROTO);
}
