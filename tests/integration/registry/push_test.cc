// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/push.h"

#include <algorithm>
#include <atomic>

#include "tests/integration/registry/hostile_registry.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::tests;
using image::Reference;
using Words = std::vector<std::string>;

namespace {

Result<std::vector<registry::Pushed>> push(Workplace &work, const std::string &name,
                                           const registry::Credentials &credentials = {}) {
    work.told.clear();
    return registry::push(*work.store, work.settings,
                          {.reference = must(Reference::parse(name)), .credentials = credentials},
                          [&](const registry::Progress &progress) { work.told.push_back(progress); });
}

// Pulls `image` from a registry of its own, then gives it the name.
void provide(Workplace &work, const TestImage &image, const std::string &name) {
    HostileRegistry source;
    source.add("source", "v1", image);
    const image::Digest id = must(work.pull(source.address() + "/source:v1")).at(0).id;
    must(work.store->tag(id, must(Reference::parse(name))));
}

} // namespace

TEST_CASE("an image is pushed as it was pulled, and progress told in the docker client's words", "[registry]") {
    Workplace work;
    const TestImage image = make_image({noise(200'000, 1), "two"});
    HostileRegistry registry;
    const std::string name = registry.address() + "/a:v1";
    provide(work, image, name);
    const registry::Pushed pushed = must(push(work, name)).at(0);
    CHECK(pushed.digest == image.top.digest);
    CHECK(registry.pushed_blobs() == image.blobs);
    CHECK(registry.pushed_manifests() ==
          std::map<std::string, std::string>{{"v1", image.documents.at(image.top.digest.text())}});
    const image::Image here = must(work.store->find(name));
    CHECK(work.words(here.config.diff_ids[0].shown()) == Words{"Preparing", "Pushing", "Pushed"});
    const Words messages = work.words("");
    CHECK(messages[0] == "The push refers to repository [" + registry.address() + "/a]");
    CHECK(messages[1] == "v1: digest: " + image.top.digest.text() +
                             " size: " + std::to_string(image.documents.at(image.top.digest.text()).size()));
    CHECK(work.told.back().aux.contains(R"("Tag":"v1")"));
    CHECK(std::ranges::contains(here.digests, registry.address() + "/a@" + image.top.digest.text()));

    must(push(work, name));
    CHECK(work.words(here.config.diff_ids[0].shown()) == Words{"Preparing", "Layer already exists"});
    CHECK(registry.count("POST", "/uploads/") == 3);
}

TEST_CASE("a layer of a sister repository is mounted", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one"});
    std::atomic<bool> lacks = false;
    HostileRegistry registry([&](Turn &turn) {
        if (lacks && turn.request.method == "HEAD" && turn.request.target.ends_with(image.layers[0])) {
            turn.respond(404);
            return true;
        }
        if (!turn.request.target.contains("mount=")) {
            return false;
        }
        turn.respond(201, "", "Location: /x\r\n");
        return true;
    });
    const std::string name = registry.address() + "/a:v1";
    provide(work, image, name);
    must(push(work, name));
    const image::Image here = must(work.store->find(name));
    must(work.store->tag(here.id, must(Reference::parse(registry.address() + "/b:v1"))));
    lacks = true;
    must(push(work, registry.address() + "/b:v1"));
    CHECK(work.words(here.config.diff_ids[0].shown()) == Words{"Preparing", "Mounted from a"});
    CHECK(registry.count("POST", "/v2/b/blobs/uploads/?mount=sha256%3A" + image.layers[0].substr(7) + "&from=a") == 1);
    CHECK(registry.count("PUT", "/v2/b/blobs/") == 0);
}

TEST_CASE("a blob that is too large for one request goes in chunks, and a broken chunk goes on", "[registry]") {
    Workplace work;
    const std::string large = noise(20UL << 20, 1);
    const TestImage image = make_image({large});
    std::atomic<int> patches = 0;
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.method == "PUT" && turn.request.body.size() > (10UL << 20)) {
            turn.respond(413);
            turn.hang_up();
            return true;
        }
        if (turn.request.method == "PATCH" && ++patches == 2) {
            turn.hang_up(); // nothing of it was kept
            return true;
        }
        return false;
    });
    const std::string name = registry.address() + "/a:v1";
    provide(work, image, name);
    must(push(work, name));
    CHECK(registry.pushed_blobs() == image.blobs);
    CHECK(patches == 4);
}

TEST_CASE("an upload that breaks is begun anew", "[registry]") {
    Workplace work;
    const TestImage image = make_image({noise(300'000, 1)});
    std::atomic<int> broken = 0;
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.method != "PUT" || !turn.request.target.contains("/uploads/") || broken++ > 0) {
            return false;
        }
        turn.respond(503);
        turn.hang_up();
        return true;
    });
    const std::string name = registry.address() + "/a:v1";
    provide(work, image, name);
    must(push(work, name));
    CHECK(registry.pushed_blobs() == image.blobs);
}

TEST_CASE("a place to upload to on another host sees no credentials", "[registry]") {
    Workplace work;
    const TestImage image = make_image({"one"});
    ScriptedServer other([](Turn &turn) { turn.respond(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n"); });
    HostileRegistry registry([&](Turn &turn) {
        if (turn.request.header("Authorization").empty()) {
            turn.respond(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
            return true;
        }
        if (turn.request.method != "POST") {
            return false;
        }
        turn.respond(202, "", "Location: " + other.url("/upload") + "\r\n");
        return true;
    });
    const std::string name = registry.address() + "/a:v1";
    provide(work, image, name);
    CHECK_FALSE(push(work, name, {.user = "me", .password = "secret"}).has_value());
    REQUIRE_FALSE(other.seen().empty());
    for (const SeenRequest &request : other.seen()) {
        CHECK_FALSE(request.head.contains("Authorization"));
    }
}

TEST_CASE("what cannot be pushed is said before anything is asked", "[registry]") {
    Workplace work;
    HostileRegistry registry;
    Error error = error_of(push(work, registry.address() + "/none"));
    CHECK(error.code == ENOENT);
    CHECK(error.message == "An image does not exist locally with the tag: " + registry.address() + "/none");
    error = error_of(push(work, registry.address() + "/none:v1"));
    CHECK(error.message == "tag does not exist: " + registry.address() + "/none:v1");
    CHECK(error_of(push(work, registry.address() + "/none@" + image::Digest::of("x").text())).code == EINVAL);
    CHECK(registry.server().seen().empty());
}

TEST_CASE("a registry that refuses a push is heard", "[registry]") {
    Workplace work;
    HostileRegistry registry([](Turn &turn) {
        if (turn.request.method != "POST") {
            return false;
        }
        turn.respond(403, R"({"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]})");
        return true;
    });
    const std::string name = registry.address() + "/a:v1";
    provide(work, make_image({"one"}), name);
    const Error error = error_of(push(work, name));
    CHECK(error.code == EACCES);
    CHECK(error.message == "denied: requested access to the resource is denied");
}
