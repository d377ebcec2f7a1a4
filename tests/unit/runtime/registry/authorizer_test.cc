// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/authorizer.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::registry;
using namespace std::chrono_literals;

TEST_CASE("a token has one of two names, a life of a minute at least and of a day at most", "[registry]") {
    CHECK(must(parse_token(R"({"token":"a"})")).value == "a");
    CHECK(must(parse_token(R"({"access_token":"b","refresh_token":"r"})")).value == "b");
    CHECK(must(parse_token(R"({"access_token":"b","refresh_token":"r"})")).refresh == "r");
    CHECK(must(parse_token(R"({"token":"a","access_token":"b"})")).value == "a");
    CHECK(must(parse_token(R"({"token":"a"})")).life == 60s);
    CHECK(must(parse_token(R"({"token":"a","expires_in":1})")).life == 60s);
    CHECK(must(parse_token(R"({"token":"a","expires_in":300})")).life == 300s);
    CHECK(must(parse_token(R"({"token":"a","expires_in":9000000000000000000})")).life == 24h);
}

TEST_CASE("a token that could not stand in a header is refused, and not shown", "[registry]") {
    for (const std::string &json :
         {std::string("secret"), std::string("{}"), std::string(R"({"token":""})"),
          std::string(R"({"token":["secret"]})"), std::string(R"({"token":"secret\r\nX: y"})"),
          std::string(R"({"token":"sec ret"})"), std::string(R"({"token":"secret","expires_in":-1})"),
          R"({"token":")" + std::string(40'000, 's') + R"("})"}) {
        CAPTURE(json.substr(0, 100));
        const Error error = error_of(parse_token(json));
        CHECK(error.code == EINVAL);
        CHECK_FALSE(error.message.contains("sec"));
    }
}

TEST_CASE("credentials of a host with TLS go to no realm without", "[registry]") {
    const http::Url secure = must(http::parse_url("https://registry.example/"));
    const http::Url plain = must(http::parse_url("http://127.0.0.1:5000/"));
    CHECK(must(check_realm(secure, "https://auth.example/token")).host == "auth.example");
    CHECK(must(check_realm(plain, "http://127.0.0.1:5001/token")).port == 5001);
    CHECK(must(check_realm(plain, "https://auth.example/token")).is_secure());
    for (const char *realm : {"http://auth.example/token", "", "/token", "ftp://auth.example/",
                              "https://me@auth.example/", "https://auth.example/\x01", "file:///etc/passwd"}) {
        CAPTURE(realm);
        CHECK(error_of(check_realm(secure, realm)).code == EACCES);
    }
}
