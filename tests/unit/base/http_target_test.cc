// SPDX-License-Identifier: Apache-2.0
#include "base/http/target.h"

#include "tests/unit/check.h"

using namespace ballast::http;

TEST_CASE("a target is a path and what is asked of it", "[http]") {
    const auto target = parse_target("/v1.45/a%2Fb?x=1&y=a+b%26c&x=2&flag&=n");
    REQUIRE(target);
    REQUIRE(target->path == "/v1.45/a/b");
    REQUIRE(target->query.get("x") == "1");
    REQUIRE(target->query.all("x") == std::vector<std::string>{"1", "2"});
    REQUIRE(target->query.get("y") == "a b&c");
    REQUIRE(target->query.has("flag"));
    REQUIRE(target->query.get("flag").empty());
    REQUIRE_FALSE(target->query.has("z"));
}

TEST_CASE("a target with a host is taken for its path", "[http]") {
    REQUIRE(parse_target("http://docker/_ping")->path == "/_ping");
    REQUIRE(parse_target("http://docker")->path == "/");
}

TEST_CASE("a target that does not decode is none", "[http]") {
    for (const char *target : {"", "x", "*", "/%", "/%4", "/%zz", "/%00", "/?a=%", "/?%g1=2"}) {
        CAPTURE(target);
        REQUIRE_FALSE(parse_target(target));
    }
    std::string many = "/?";
    for (int count = 0; count < 2000; count++) {
        many += "a&";
    }
    REQUIRE_FALSE(parse_target(many));
}
