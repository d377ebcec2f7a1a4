// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/status.h"

#include <catch2/catch_test_macros.hpp>
#include <cerrno>

using namespace ballast;
using namespace ballast::grpc;
using namespace std::chrono_literals;

TEST_CASE("a gRPC message travels as printable ASCII and comes back as it was", "[grpc]") {
    CHECK(encode_message("no such image: web") == "no such image: web");
    CHECK(encode_message("100%") == "100%25");
    CHECK(encode_message("a\nb\x7f") == "a%0Ab%7F");
    CHECK(encode_message("größe") == "gr%C3%B6%C3%9Fe");
    for (const std::string message : {"", "plain", "a\nb", "größe", "%", "%%41", "\x01\xff"}) {
        CHECK(decode_message(encode_message(message)) == message);
    }
    CHECK(decode_message("50%") == "50%");
    CHECK(decode_message("%zz%4") == "%zz%4");
    CHECK(encode_message(std::string(1 << 20, 'x')).size() == 8 << 10);
}

TEST_CASE("a gRPC timeout has one to eight digits and a unit", "[grpc]") {
    CHECK(parse_timeout("1S") == 1s);
    CHECK(parse_timeout("2M") == 2min);
    CHECK(parse_timeout("3H") == 3h);
    CHECK(parse_timeout("4m") == 4ms);
    CHECK(parse_timeout("5u") == 5us);
    CHECK(parse_timeout("99999999n") == 99'999'999ns);
    CHECK(parse_timeout("0S") == 0s);
    CHECK(parse_timeout("99999999H").value() > std::chrono::years(90)); // more than nanoseconds can count
    for (const char *wrong : {"", "S", "1", "1s", "-1S", "+1S", " 1S", "1.5S", "123456789S", "1 S", "0x1S"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_timeout(wrong).has_value());
    }
}

TEST_CASE("a gRPC timeout is written so that it is never shorter than it was", "[grpc]") {
    CHECK(format_timeout(1ns) == "1n");
    CHECK(format_timeout(0ns) == "1n");
    CHECK(format_timeout(100ms) == "100000u");
    CHECK(format_timeout(2min) == "120000m");
    for (const std::chrono::nanoseconds time :
         {1ns, 99'999'999ns, 100'000'001ns, 7'654'321'987ns, 100'000'000'000'001ns}) {
        const auto read = parse_timeout(format_timeout(time));
        REQUIRE(read.has_value());
        CHECK(*read >= time);
        CHECK(*read <= time + time / 10'000 + 1us);
    }
}

TEST_CASE("a gRPC code of tomorrow is unknown and no number is none", "[grpc]") {
    CHECK(parse_code("0") == Code::kOk);
    CHECK(parse_code("16") == Code::kUnauthenticated);
    CHECK(parse_code("17") == Code::kUnknown);
    CHECK(parse_code("99999999999999999999") == Code::kUnknown);
    CHECK_FALSE(parse_code("").has_value());
    CHECK_FALSE(parse_code("ok").has_value());
    CHECK_FALSE(parse_code("5x").has_value());
    CHECK(name_of(Code::kUnauthenticated) == "UNAUTHENTICATED");
    CHECK(name_of(Code::kUnimplemented) == "UNIMPLEMENTED");
}

TEST_CASE("errors get the gRPC code that callers act upon", "[grpc]") {
    CHECK(outcome_of(Error{ENOENT, "no such image: web"}) == Outcome{Code::kNotFound, "no such image: web"});
    CHECK(outcome_of(Error{EINVAL, ""}).code == Code::kInvalidArgument);
    CHECK(outcome_of(Error{EEXIST, ""}).code == Code::kAlreadyExists);
    CHECK(outcome_of(Error{ETIMEDOUT, ""}).code == Code::kDeadlineExceeded);
    CHECK(outcome_of(Error{ENOSPC, ""}).code == Code::kResourceExhausted);
    CHECK(outcome_of(Error{EIO, ""}).code == Code::kUnknown);
    CHECK(outcome_of(Status()).ok());
}
