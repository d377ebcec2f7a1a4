// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/challenge.h"

#include "tests/unit/check.h"

using namespace ballast::registry;

namespace {

std::vector<Challenge> parsed(std::string_view value) { return parse_challenges({value}); }

} // namespace

TEST_CASE("challenges are read by the grammar of RFC 9110", "[registry]") {
    struct Case {
        std::string_view value;
        std::vector<Challenge> challenges;
    };
    const std::vector<Case> cases{
        {R"(Basic realm="x")", {{"basic", "", {{"realm", "x"}}}}},
        {R"(Bearer realm="https://auth/token",service="reg",scope="repository:a:pull,push")",
         {{"bearer", "", {{"realm", "https://auth/token"}, {"service", "reg"}, {"scope", "repository:a:pull,push"}}}}},
        {R"(Bearer realm = "x" , service	=	y)", {{"bearer", "", {{"realm", "x"}, {"service", "y"}}}}},
        {R"(BEARER Realm=x)", {{"bearer", "", {{"realm", "x"}}}}},
        {R"(Basic realm="a \"quoted\" \\ word")", {{"basic", "", {{"realm", R"(a "quoted" \ word)"}}}}},
        {R"(Basic realm="a, Bearer realm=b")", {{"basic", "", {{"realm", "a, Bearer realm=b"}}}}},
        {R"(Basic realm="a", Bearer realm="b", service="c")",
         {{"basic", "", {{"realm", "a"}}}, {"bearer", "", {{"realm", "b"}, {"service", "c"}}}}},
        {R"(, ,Basic realm="a",,, Bearer realm="b",)",
         {{"basic", "", {{"realm", "a"}}}, {"bearer", "", {{"realm", "b"}}}}},
        {"Negotiate", {{"negotiate", "", {}}}},
        {"Negotiate, Basic realm=a", {{"negotiate", "", {}}, {"basic", "", {{"realm", "a"}}}}},
        {"NTLM TlRMTVNTUAAC+/==", {{"ntlm", "TlRMTVNTUAAC+/==", {}}}},
        {"NTLM abc, Basic realm=a", {{"ntlm", "abc", {}}, {"basic", "", {{"realm", "a"}}}}},
        {"Basic realm=\"\"", {{"basic", "", {{"realm", ""}}}}},
        // what is wrong, and everything behind it, is not read
        {"", {}},
        {",,,", {}},
        {"Bearer realm=\"unfinished", {}},
        {"Bearer realm=\"ends with \\", {}},
        {"Basic realm=a, Bearer realm=\"b\r\nX: y\"", {{"basic", "", {{"realm", "a"}}}}},
        {"Basic realm=a Bearer realm=b", {}},
        {"Basic realm=a; charset=b", {}},
        {"\"quoted\" realm=a", {}},
        {"Basic =a", {}},
    };
    for (const Case &one : cases) {
        CAPTURE(one.value);
        CHECK(parsed(one.value) == one.challenges);
    }
}

TEST_CASE("challenges of several headers stand in their order", "[registry]") {
    const auto challenges = parse_challenges({"Basic realm=a", "Bearer realm=b"});
    REQUIRE(challenges.size() == 2);
    CHECK(challenges[0].scheme == "basic");
    CHECK(challenges[1].parameter("realm") == "b");
    CHECK(challenges[1].parameter("none").empty());
}

TEST_CASE("a server cannot make a header of challenges cost much", "[registry]") {
    CHECK(parsed("Basic realm=\"" + std::string(9000, 'x') + "\"").empty());
    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += "A" + std::to_string(i) + " b=c, ";
    }
    CHECK(parsed(many).size() == 8);
    std::string parameters = "Bearer ";
    for (int i = 0; i < 17; ++i) {
        parameters += "p" + std::to_string(i) + "=v,";
    }
    CHECK(parsed(parameters).empty());
}

TEST_CASE("of two parameters with one name the first counts", "[registry]") {
    CHECK(parsed(R"(Bearer realm="https://good",realm="https://evil")").at(0).parameter("realm") == "https://good");
}
