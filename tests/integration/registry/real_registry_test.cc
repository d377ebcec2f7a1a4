// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/subprocess.h"
#include "runtime/registry/login.h"
#include "runtime/registry/pull.h"
#include "runtime/registry/push.h"
#include "runtime/registry/search.h"
#include "tests/images/registry.h"
#include "tests/integration/registry/hostile_registry.h"
#include "tests/unit/check.h"

// Against Debian's docker-registry, with skopeo at the other end.

using namespace ballast;
using namespace ballast::tests;
using image::Reference;
using images::Registry;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kUser = "me";
constexpr std::string_view kPassword = "pass word:with\"odd'signs";

Registry start(bool tls, bool password, const std::vector<std::string> &names = {}) {
    return must(Registry::start({.tls = tls,
                                 .certificate_names = names,
                                 .user = std::string(password ? kUser : ""),
                                 .password = std::string(password ? kPassword : "")}));
}

registry::Credentials credentials() { return {.user = std::string(kUser), .password = std::string(kPassword)}; }

// An OCI layout on disk, as buildah and skopeo write it.
fs::path write_layout(const fs::path &parent, const TestImage &image) {
    const fs::path layout = parent / "layout";
    must(make_directories(layout / "blobs/sha256"));
    for (const auto *part : {&image.documents, &image.blobs}) {
        for (const auto &[digest, bytes] : *part) {
            must(write_file(layout / "blobs/sha256" / digest.substr(7), bytes));
        }
    }
    must(write_file(layout / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    must(write_file(layout / "index.json", R"({"schemaVersion":2,"manifests":[{"mediaType":")" + image.top.media_type +
                                               R"(","digest":")" + image.top.digest.text() + R"(","size":)" +
                                               std::to_string(image.top.size) +
                                               R"(,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]})"));
    return layout;
}

void skopeo_copy(const Registry &registry, const std::vector<std::string> &more, const std::string &from,
                 const std::string &to) {
    Command copy;
    copy.arguments = {"skopeo", "--insecure-policy", "copy", "--quiet"};
    copy.arguments.insert(copy.arguments.end(), more.begin(), more.end());
    const std::vector<std::string> options = registry.skopeo_options(from.starts_with("docker:") ? "src-" : "dest-");
    copy.arguments.insert(copy.arguments.end(), options.begin(), options.end());
    copy.arguments.insert(copy.arguments.end(), {from, to});
    copy.timeout = std::chrono::seconds(60);
    must(run_checked(copy));
}

// Trusts the registry's authority, as certs.d has it.
void trust(Workplace &work, const Registry &registry, const std::string &host) {
    const fs::path directory = work.settings.hosts.certificates.at(0) / host;
    must(make_directories(directory));
    must(write_file(directory / "ca.crt", must(read_file(registry.ca_certificate()))));
}

Status push(Workplace &work, const std::string &name, const registry::Credentials &who = {}) {
    const auto pushed =
        registry::push(*work.store, work.settings, {.reference = must(Reference::parse(name)), .credentials = who}, {});
    return pushed.has_value() ? Status() : std::unexpected(pushed.error());
}

} // namespace

TEST_CASE("a real registry takes what is pushed, and skopeo reads it", "[registry]") {
    Workplace work;
    const Registry registry = start(false, false);
    const TestImage image = make_image({noise(100'000, 1), "two"});
    HostileRegistry source;
    source.add("a", "v1", image);
    const image::Digest id = must(work.pull(source.address() + "/a:v1")).at(0).id;
    const std::string name = registry.address() + "/some/where:v1";
    must(work.store->tag(id, must(Reference::parse(name))));
    must(push(work, name));
    skopeo_copy(registry, {}, "docker://" + name, "oci:" + (work.directory.path() / "copy").string() + ":v1");
    for (const std::string &digest : image.layers) {
        CHECK(must(read_file(work.directory.path() / "copy/blobs/sha256" / digest.substr(7))) ==
              image.blobs.at(digest));
    }
    // A second repository gets the layers by mounting them.
    must(work.store->tag(id, must(Reference::parse(registry.address() + "/else:v1"))));
    std::vector<registry::Progress> told;
    must(registry::push(*work.store, work.settings,
                        {.reference = must(Reference::parse(registry.address() + "/else:v1"))},
                        [&](const registry::Progress &progress) { told.push_back(progress); }));
    CHECK(std::ranges::count(told, "Mounted from some/where", &registry::Progress::status) == 2);
    Workplace other;
    CHECK(other.layer_file(must(other.pull(registry.address() + "/else:v1")).at(0).id, 1) == "two");
}

TEST_CASE("Docker's own form of manifests is pulled as well", "[registry]") {
    Workplace work;
    const Registry registry = start(false, false);
    const TestImage image = make_image({"one", "two"});
    const std::string name = registry.address() + "/a:v1";
    skopeo_copy(registry, {"--format", "v2s2"}, "oci:" + write_layout(work.directory.path(), image).string() + ":v1",
                "docker://" + name);
    const registry::Pulled pulled = must(work.pull(name)).at(0);
    CHECK(work.layer_file(pulled.id, 1) == "two");
    CHECK(must(work.store->get(pulled.id)).manifest.media_type == image::kDockerManifest);
    must(work.pull(registry.address() + "/a@" + pulled.digest.text()));
    CHECK(error_of(work.pull(registry.address() + "/a:none")).message ==
          "manifest for " + registry.address() + "/a:none not found: manifest unknown: manifest unknown");
    CHECK(must(work.pull(registry.address() + "/a", {.all_tags = true})).size() == 1);
}

TEST_CASE("TLS and a password: each is needed, and each is told apart", "[registry]") {
    const Registry registry = start(true, true, {"registry.test"});
    Workplace work;
    // By a name that is not this machine's own: loopback addresses need no certificate.
    work.settings.hosts.insecure = {};
    const TestImage image = make_image({"one"});
    const std::string name = registry.address() + "/a:v1";
    skopeo_copy(registry, {}, "oci:" + write_layout(work.directory.path(), image).string() + ":v1", "docker://" + name);

    Error error = error_of(work.pull(name));
    CHECK(error.code == EACCES);
    CHECK(error.message.contains("no basic auth credentials"));
    error = error_of(work.pull(name, {.credentials = {.user = "me", .password = "wrong"}}));
    CHECK(error.code == EACCES);
    CHECK_FALSE(error.message.contains("wrong"));
    CHECK(work.layer_file(must(work.pull(name, {.credentials = credentials()})).at(0).id, 0) == "one");

    const image::Digest id = must(work.store->find(name)).id;
    must(work.store->tag(id, must(Reference::parse(registry.address() + "/b:v1"))));
    CHECK(push(work, registry.address() + "/b:v1").error().code == EACCES);
    must(push(work, registry.address() + "/b:v1", credentials()));
}

TEST_CASE("a login is tried with the registry itself", "[registry]") {
    const Registry registry = start(true, true);
    const registry::RegistrySettings settings;
    registry::Credentials who = credentials();
    who.server = registry.address();
    CHECK(must(registry::log_in(settings, who)).status == "Login Succeeded");
    CHECK(must(registry::log_in(settings, who)).identity_token.empty());
    who.password = "wrong";
    const Error refused = error_of(registry::log_in(settings, who));
    CHECK(refused.code == EACCES);
    CHECK(refused.message.ends_with("/v2/ failed with status: 401 Unauthorized"));
    who.server = "https://" + registry.address() + "/v2/";
    CHECK(error_of(registry::log_in(settings, who)).code == EACCES);
}

TEST_CASE("a registry that has no search says so", "[registry]") {
    const Registry registry = start(false, false);
    const Error error = error_of(registry::search({}, registry.address() + "/busybox", 25, {}));
    CHECK(error.code == ENOTSUP);
    CHECK(error.message.contains("does not offer a search"));
    ScriptedServer index([](Turn &turn) {
        turn.respond(200, R"({"results":[{"name":"a/b","description":"x\u001b","star_count":3,"is_official":true}]})");
    });
    const auto found = must(registry::search({}, index.address() + "/b", 25, {}));
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == "a/b");
    CHECK(found[0].stars == 3);
    CHECK(found[0].is_official);
    CHECK_FALSE(found[0].description.contains('\x1b'));
    CHECK(index.seen().back().target == "/v1/search?q=b&n=25");
    CHECK(error_of(registry::search({}, "x", 0, {})).code == EINVAL);
}

// Names are resolved by a tunnel of the test's own, as a proxy does it.
TEST_CASE("docker.io through a proxy: certificates of certs.d, a mirror before it, credentials for it alone",
          "[registry]") {
    const Registry registry = start(true, true, {"registry-1.docker.io"});
    Workplace work;
    const TestImage image = make_image({"one"});
    skopeo_copy(registry, {}, "oci:" + write_layout(work.directory.path(), image).string() + ":v1",
                "docker://" + registry.address() + "/library/a:v1");
    ScriptedServer proxy([&](Turn &turn) {
        if (turn.request.method == "CONNECT" && turn.request.target == "registry-1.docker.io:443") {
            turn.tunnel_to(registry.port());
        } else {
            turn.respond(403);
        }
    });
    HostileRegistry mirror; // has nothing
    work.settings.hosts.mirrors = {"http://" + mirror.address()};
    work.settings.hosts.proxies = {.http = "http://127.0.0.1:1", .https = "http://" + proxy.address(), .none = {}};

    const registry::PullRequest request{.credentials = credentials()};
    Error error = error_of(work.pull("a:v1", request));
    CHECK(error.code == EKEYREJECTED);
    CHECK(error.message.contains("/etc/ballast/certs.d/docker.io/ca.crt"));
    trust(work, registry, "docker.io");
    CHECK(work.layer_file(must(work.pull("a:v1", request)).at(0).id, 0) == "one");
    CHECK(work.words("").back() == "Status: Downloaded newer image for a:v1");
    for (const ScriptedServer *server : {&mirror.server(), static_cast<const ScriptedServer *>(&proxy)}) {
        REQUIRE_FALSE(server->seen().empty());
        for (const SeenRequest &seen : server->seen()) {
            CHECK_FALSE(seen.head.contains("Authorization"));
        }
    }
    // A name that the proxy refuses.
    error = error_of(work.pull("elsewhere.example/a:v1"));
    CHECK(error.code == EACCES);
    CHECK(error.message.contains("it answers 403"));
}
