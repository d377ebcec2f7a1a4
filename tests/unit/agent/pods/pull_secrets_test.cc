// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/pull_secrets.h"

#include "base/base64.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

using Users = std::vector<std::string>;

// Users that an image is pulled as; those who know a place are called like it.
Users users(const std::string &image, const Users &places) {
    std::string document = R"({"auths":{)";
    for (const std::string &place : places) {
        document += (document.ends_with('{') ? "\"" : ",\"") + place + R"(":{"username":")" + place + "\"}";
    }
    const auto known = must(read_pull_secret({{".dockerconfigjson", document + "}}"}}));
    REQUIRE(known.size() == places.size());
    Users found;
    for (const PullCredentials &credentials : credentials_for(image, known)) {
        found.push_back(credentials.user);
    }
    return found;
}

std::string refusal(const std::string &member, const std::string &document) {
    const Error error = error_of(read_pull_secret({{member, document}}));
    CHECK(error.code == EINVAL);
    CHECK_FALSE(error.message.contains("xyzzy"));
    return error.message;
}

} // namespace

TEST_CASE("both kinds of pull secrets are read", "[agent]") {
    const std::string auth = base64("me:pass:word");
    const auto json = must(read_pull_secret({{".dockerconfigjson", R"({"auths":{"r.example":{"auth":")" + auth +
                                                                       R"(","email":"x@y"}},"HttpHeaders":{}})"}}));
    REQUIRE(json.size() == 1);
    CHECK(json[0].place == "r.example");
    CHECK(json[0].credentials == PullCredentials{.user = "me", .password = "pass:word"});
    const auto old = must(read_pull_secret(
        {{".dockercfg", R"({"https://r.example/v2/":{"username":"me","password":"p","identitytoken":"i"}})"}}));
    REQUIRE(old.size() == 1);
    CHECK(old[0].place == "r.example/");
    CHECK(old[0].credentials == PullCredentials{.user = "me", .password = "p", .identity_token = "i"});
    CHECK(must(read_pull_secret({{"password", "xyzzy"}})).empty());
    CHECK(must(read_pull_secret({{".dockerconfigjson", "{}"}})).empty());
}

TEST_CASE("a pull secret that cannot be read tells nothing of itself", "[agent]") {
    CHECK(refusal(".dockerconfigjson", "xyzzy").contains(".dockerconfigjson is no configuration"));
    CHECK(refusal(".dockercfg", R"(["xyzzy"])").contains(".dockercfg is no configuration"));
    CHECK(refusal(".dockerconfigjson", R"({"auths":"xyzzy"})").contains("is no configuration"));
    CHECK(refusal(".dockercfg", R"({"r":"xyzzy"})") == "the entry r is no object");
    CHECK(refusal(".dockercfg", R"({"r":{"auth":"xyzzy"}})").contains("the entry r has an \"auth\""));
}

TEST_CASE("an image is pulled with what is said of its registry", "[agent]") {
    CHECK(users("r.example/a/b:1", {"r.example", "other.example"}) == Users{"r.example"});
    CHECK(users("r.example:5000/a@sha256:0", {"r.example", "r.example:5000"}) == Users{"r.example:5000"});
    CHECK(users("r.example/a", {"https://r.example/v1/", "http://r.example"}) ==
          Users{"https://r.example/v1/", "http://r.example"});
    CHECK(users("[2001:db8::1]:5000/a", {"[2001:db8::1]:5000"}) == Users{"[2001:db8::1]:5000"});
    CHECK(users("r.example/a", {}).empty());
}

TEST_CASE("what is said of a narrower place comes first", "[agent]") {
    CHECK(users("r.example/team/web:1", {"r.example", "r.example/team", "r.example/team/web", "r.example/other"}) ==
          Users{"r.example/team/web", "r.example/team", "r.example"});
    CHECK(users("r.example/teams/web", {"r.example/team"}).empty());
}

TEST_CASE("parts of a registry's name may be patterns, each for itself", "[agent]") {
    CHECK(users("a.r.example/x", {"*.r.example"}) == Users{"*.r.example"});
    CHECK(users("ab.r.example/x", {"a?.r.example", "b*.r.example"}) == Users{"a?.r.example"});
    CHECK(users("r.example/x", {"*.r.example"}).empty());
    CHECK(users("a.b.r.example/x", {"*.r.example"}).empty());
}

TEST_CASE("images without a registry's name are docker.io's", "[agent]") {
    for (const char *image : {"nginx", "nginx:1", "library/nginx", "docker.io/library/nginx", "me/nginx@sha256:0"}) {
        CHECK(users(image, {"https://index.docker.io/v1/"}) == Users{"https://index.docker.io/v1/"});
        CHECK(users(image, {"docker.io", "https://index.docker.io/v1/"}) == Users{"docker.io"});
    }
    CHECK(users("localhost/nginx", {"https://index.docker.io/v1/"}).empty());
    CHECK(users("docker.io.example/nginx", {"docker.io", "index.docker.io"}).empty());
}
