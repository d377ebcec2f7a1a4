// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/pull.h"

#include <atomic>

#include "base/base64.h"
#include "tests/integration/registry/hostile_registry.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::tests;
using image::Digest;
using registry::PullRequest;

TEST_CASE("a host that a registry redirects to sees no credentials", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one"});
    HostileRegistry other;
    other.add("a", "v1", image);
    ScriptedServer curious([](Turn &turn) { // asks for them
        turn.respond(401, "", "WWW-Authenticate: Basic realm=\"mine\"\r\n");
    });
    std::string away;
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.header("Authorization").empty()) {
            turn.respond(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
            return true;
        }
        if (!turn.request.target.contains("/blobs/")) {
            return false;
        }
        turn.respond(307, "", "Location: " + away + turn.request.target + "\r\n");
        return true;
    });
    registry.add("a", "v1", image);
    const PullRequest request{.credentials = {.user = "me", .password = "secret"}};
    away = "http://" + curious.address();
    CHECK_FALSE(work.pull(name_at(registry), request).has_value());
    CHECK(curious.seen().size() >= 1);
    CHECK(saw_no_credentials(curious));
    away = "http://" + other.address();
    must(work.pull(name_at(registry), request));
    CHECK(other.server().seen().size() == 2);
    CHECK(saw_no_credentials(other.server()));
}

TEST_CASE("redirects without end are given up", "[registry]") {
    Workplace work;
    HostileRegistry registry([](Turn &turn) {
        turn.respond(302, "", "Location: " + turn.request.target + "x\r\n");
        return true;
    });
    const Error error = error_of(work.pull(name_at(registry)));
    CHECK(error.code == ELOOP);
    CHECK(registry.server().seen().size() == 6);
}

TEST_CASE("a token is fetched from the realm that the registry names, once", "[registry]") {
    Workplace work;
    ScriptedServer realm([](Turn &turn) {
        const bool known = turn.request.header("Authorization") == "Basic " + base64("me:secret");
        turn.respond(known ? 200 : 401, known ? R"({"token":"abc","expires_in":300})" : "");
    });
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.header("Authorization") == "Bearer abc") {
            return false;
        }
        turn.respond(401, "",
                     "WWW-Authenticate: Bearer realm=\"" + realm.url("/token?x=y") + "\",service=\"the registry\"\r\n");
        return true;
    });
    registry.add("library/a", "v1", make_image({"one", "two", "three", "four"}));
    must(work.pull(name_at(registry, "library/a:v1"), {.credentials = {.user = "me", .password = "secret"}}));
    const std::vector<SeenRequest> asked = realm.seen();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].target == "/token?x=y&service=the%20registry&scope=repository%3Alibrary%2Fa%3Apull&account=me");
    for (const SeenRequest &request : registry.server().seen()) {
        CHECK_FALSE(request.head.contains("Basic")); // the password is for the realm
    }
    const Error error =
        error_of(work.pull(name_at(registry, "library/a:v2"), {.credentials = {.user = "me", .password = "wrong"}}));
    CHECK(error.code == EACCES);
    CHECK_FALSE(error.message.contains("wrong"));
}

TEST_CASE("an identity token is exchanged by OAuth2, a registry token sent as it is", "[registry]") {
    Workplace work;
    ScriptedServer realm(
        [](Turn &turn) { turn.respond(200, turn.request.method == "POST" ? R"({"access_token":"abc"})" : "{}"); });
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.header("Authorization") == "Bearer abc") {
            return false;
        }
        turn.respond(401, "", "WWW-Authenticate: Bearer realm=\"" + realm.url("/token") + "\",service=s\r\n");
        return true;
    });
    registry.add("a", "v1", make_image({"one"}));
    must(work.pull(name_at(registry), {.credentials = {.identity_token = "it/1"}}));
    REQUIRE(realm.seen().size() == 1);
    CHECK(realm.seen()[0].body == "grant_type=refresh_token&service=s&scope=repository%3Aa%3Apull&client_id=ballast&"
                                  "refresh_token=it%2F1");
    must(Workplace().pull(name_at(registry), {.credentials = {.registry_token = "abc"}}));
    CHECK(realm.seen().size() == 1);
}

TEST_CASE("a token that ran out is replaced in the middle of a pull", "[registry]") {
    Workplace work;
    std::atomic<int> tokens = 0;
    ScriptedServer realm([&](Turn &turn) { turn.respond(200, R"({"token":"t)" + std::to_string(++tokens) + R"("})"); });
    std::atomic<int> served = 0;
    HostileRegistry registry([&](Turn &turn) {
        const std::string sent = turn.request.header("Authorization");
        if ((served < 2 && sent == "Bearer t1") || sent == "Bearer t2") {
            ++served;
            return false;
        }
        turn.respond(401, "", "WWW-Authenticate: Bearer realm=\"" + realm.url("/") + "\"\r\n");
        return true;
    });
    registry.add("a", "v1", make_image({"one", "two", "three", "four", "five"}));
    must(work.pull(name_at(registry)));
    CHECK(tokens == 2);
}

TEST_CASE("a registry that never is content with credentials is not asked for ever", "[registry]") {
    Workplace work;
    HostileRegistry registry([](Turn &turn) {
        turn.respond(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
        return true;
    });
    CHECK(error_of(work.pull(name_at(registry))).message.contains("no basic auth credentials"));
    CHECK(error_of(work.pull(name_at(registry), {.credentials = {.user = "a", .password = "b"}})).code == EACCES);
    CHECK(registry.server().seen().size() <= 5);
}

TEST_CASE("a foreign layer comes from its own place, and that sees no credentials", "[registry]") {
    Workplace work;
    TestImage image = make_image({"one"});
    const std::string blob = image.blobs.at(image.layers[0]);
    ScriptedServer place([&](Turn &turn) { turn.respond(200, blob); });
    image::Manifest manifest = must(image::parse_manifest(image.documents.begin()->second, "test"));
    manifest.layers[0].urls = {place.url("/layer.tgz"), "file:///etc/passwd"};
    const std::string text = image::manifest_text(manifest);
    image.top.digest = Digest::of(text);
    image.documents[image.top.digest.text()] = text;
    image.types[image.top.digest.text()] = image::kOciManifest;
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.header("Authorization").empty()) {
            turn.respond(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
            return true;
        }
        if (!is_blob(turn, image.layers[0])) {
            return false;
        }
        turn.respond(404);
        return true;
    });
    registry.add("a", "v1", image);
    const Result<std::vector<registry::Pulled>> pulled =
        work.pull(name_at(registry), {.credentials = {.user = "me", .password = "secret"}});
    CHECK(work.layer_file(must(pulled).at(0).id, 0) == "one");
    CHECK(place.seen().size() == 1);
    CHECK(saw_no_credentials(place));
}
