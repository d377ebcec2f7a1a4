// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/registry_error.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::registry;
using image::Reference;

namespace {

RegistryError one(int status, const std::string &code, const std::string &message) {
    return parse_registry_error(status, R"({"errors":[{"code":")" + code + R"(","message":")" + message +
                                            R"(","detail":{}}]})");
}

} // namespace

TEST_CASE("a registry's first error is what it says", "[registry]") {
    CHECK(one(404, "MANIFEST_UNKNOWN", "manifest unknown").text() == "manifest unknown: manifest unknown");
    CHECK(one(401, "UNAUTHORIZED", "authentication required").text() == "unauthorized: authentication required");
    CHECK(
        parse_registry_error(429, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow"},{"code":"X"}]})").text() ==
        "toomanyrequests: slow");
    CHECK(parse_registry_error(401, R"({"details":"incorrect username or password"})").text() ==
          "incorrect username or password");
    CHECK(parse_registry_error(400, R"({"error":"invalid_grant","error_description":"expired"})").text() == "expired");
}

TEST_CASE("of an answer of another form the status remains", "[registry]") {
    for (const char *body : {"", "<html>nginx</html>", "[]", "{}", R"({"errors":[]})", R"({"errors":{}})",
                             R"({"errors":[3]})", R"({"errors":[{"code":7,"message":[]}]})", "null"}) {
        CAPTURE(body);
        CHECK(parse_registry_error(502, body).text() == "unexpected status from the registry: 502 Bad Gateway");
    }
    CHECK(parse_registry_error(502, std::string(100'000, ' ')).text().ends_with("502 Bad Gateway"));
}

TEST_CASE("what a registry says can neither steer a terminal nor fill it", "[registry]") {
    CHECK_FALSE(one(500, "X", "a\\u001b[2Jb").text().contains('\x1b'));
    CHECK(one(500, "X", std::string(5000, 'y')).text().size() <= 510);
    CHECK(one(500, "X", std::string(500, '\x01')).message.empty()); // not JSON
    CHECK(one(500, "a; rm -rf", "m").text() == "m");
}

TEST_CASE("errors of a pull read as docker's do", "[registry]") {
    const Reference hub = must(Reference::parse("nothing:v1"));
    const Reference own = must(Reference::parse("localhost:5000/x/y:v1"));
    Error error = pull_error(one(401, "DENIED", "requested access to the resource is denied"), hub);
    CHECK(error.code == ENOENT);
    CHECK(error.message == "pull access denied for nothing, repository does not exist or may require 'docker login': "
                           "denied: requested access to the resource is denied");
    error = pull_error(one(404, "MANIFEST_UNKNOWN", "manifest unknown"), own);
    CHECK(error.code == ENOENT);
    CHECK(error.message == "manifest for localhost:5000/x/y:v1 not found: manifest unknown: manifest unknown");
    CHECK(pull_error(parse_registry_error(404, ""), own).message ==
          "manifest for localhost:5000/x/y:v1 not found: manifest unknown: manifest unknown");
    CHECK(pull_error(one(404, "NAME_UNKNOWN", "repository name not known to registry"), own).message ==
          "repository localhost:5000/x/y not found: name unknown: repository name not known to registry");
    error = pull_error(one(401, "UNAUTHORIZED", "authentication required"), own);
    CHECK(error.code == EACCES);
    CHECK(error.message == "unauthorized: authentication required");
    CHECK(pull_error(parse_registry_error(403, ""), own).message.starts_with("pull access denied for"));
    CHECK(pull_error(parse_registry_error(503, ""), own).code == EIO);
    CHECK(pull_error(one(429, "TOOMANYREQUESTS", "limit"), own).code == EAGAIN);
}

TEST_CASE("errors of a push read as docker's do", "[registry]") {
    const Reference hub = must(Reference::parse("nothing:v1"));
    const Error error = push_error(one(401, "DENIED", "requested access to the resource is denied"), hub);
    CHECK(error.code == EACCES);
    CHECK(error.message == "denied: requested access to the resource is denied");
}

TEST_CASE("a refused token says so by its challenge", "[registry]") {
    http::ClientResponse response{.head = {.status = 401, .headers = {}}, .body = "{}"};
    response.head.headers = {{"Www-Authenticate", R"(Bearer realm="x",error="insufficient_scope")"}};
    CHECK(registry_error_of(response).text() == "denied: requested access to the resource is denied");
    response.head.headers = {{"Www-Authenticate", R"(Bearer realm="x",error="invalid_token")"}};
    CHECK(registry_error_of(response).text() == "unauthorized: authentication required");
    response.head.headers = {};
    CHECK(registry_error_of(response).text() == "unauthorized: authentication required");
}

TEST_CASE("errors of the network say what to do", "[registry]") {
    CHECK(with_advice({EKEYREJECTED, "x"}, "r:5000").message.contains("/etc/ballast/certs.d/r:5000/ca.crt"));
    CHECK(with_advice({EPROTO, "x"}, "r:5000").message.contains("insecure-registries"));
    CHECK(with_advice({ENOSPC, "x"}, "r:5000").message == "x");
}
