// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/framing.h"

#include <catch2/catch_test_macros.hpp>

using namespace ballast::grpc;

TEST_CASE("gRPC messages are found however their bytes are cut", "[grpc]") {
    const std::string stream =
        message_prefix(5) + "hello" + message_prefix(0) + message_prefix(300) + std::string(300, 'x');
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{7}, stream.size()}) {
        MessageReader reader;
        std::vector<std::string> messages;
        for (std::size_t place = 0; place < stream.size(); place += piece) {
            REQUIRE(reader.feed(std::string_view(stream).substr(place, piece)).ok());
            while (auto message = reader.next()) {
                messages.push_back(*message);
            }
        }
        CHECK(messages == std::vector<std::string>{"hello", "", std::string(300, 'x')});
        CHECK_FALSE(reader.in_the_middle());
    }
}

TEST_CASE("a gRPC message that is not whole is noticed", "[grpc]") {
    MessageReader reader;
    CHECK_FALSE(reader.in_the_middle());
    REQUIRE(reader.feed(message_prefix(2) + "a").ok());
    CHECK_FALSE(reader.next().has_value());
    CHECK(reader.in_the_middle());
    CHECK(reader.buffered() == 6);
}

TEST_CASE("a gRPC message that is too large is refused before it comes", "[grpc]") {
    MessageReader reader(1000);
    CHECK(reader.feed(message_prefix(1000)).ok());
    MessageReader other(1000);
    CHECK(other.feed(message_prefix(1001)) ==
          Outcome{Code::kResourceExhausted, "a message of 1001 bytes is larger than 1000"});
    MessageReader worst;
    CHECK(worst.feed(std::string_view("\0\xff\xff\xff\xff", 5)).code == Code::kResourceExhausted);
    CHECK_FALSE(worst.next().has_value());
}

TEST_CASE("gRPC messages with flags that nobody agreed on are refused", "[grpc]") {
    MessageReader reader;
    CHECK(reader.feed("\1").code == Code::kInternal);
    MessageReader behind;
    CHECK(behind.feed(message_prefix(1) + "a\2").ok()); // not the first one's fault
    CHECK(behind.next() == "a");
    CHECK(behind.feed("x").code == Code::kInternal);
    CHECK_FALSE(behind.next().has_value());
}
