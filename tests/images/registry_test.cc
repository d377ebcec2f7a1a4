// SPDX-License-Identifier: Apache-2.0
// Debian's docker-registry with our images in it, seen by skopeo.
#include "tests/images/registry.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/images/built_images.h"
#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;
using std::filesystem::path;

namespace {

// skopeo VERB, reaching the registry as it is meant to be reached unless `access` says otherwise.
Command skopeo(const std::vector<std::string> &verb, const std::vector<std::string> &access,
               const std::vector<std::string> &arguments) {
    Command made;
    made.arguments = {"skopeo", "--insecure-policy"};
    for (const auto *more : {&verb, &access, &arguments}) {
        made.arguments.insert(made.arguments.end(), more->begin(), more->end());
    }
    made.timeout = std::chrono::seconds(120);
    return made;
}

std::string source(const Registry &registry, const BuiltImage &image) {
    return "docker://" + registry.reference(image.name, image.tag);
}

Registry closed_registry() {
    return must(Registry::start(
        {.tls = true, .certificate_names = {"registry.test"}, .user = "tester", .password = "correct horse"}));
}

} // namespace

TEST_CASE("what is pushed over TLS with a password is inspected and pulled with the same digests", "[registry]") {
    const BuiltImages images;
    const Registry registry = closed_registry();
    for (const ImageSpec &spec : images.images()) {
        CAPTURE(spec.name);
        const BuiltImage &image = images.built(spec.name);
        must(registry.push(images.layout(spec.name)));
        const auto access = registry.skopeo_options("");
        const std::string raw = must(run_checked(skopeo({"inspect", "--raw"}, access, {source(registry, image)})));
        CHECK("sha256:" + sha256(raw) == image.digest);
        const path copy = images.scratch() / "pulled" / spec.name;
        must(make_directories(copy.parent_path()));
        must(run_checked(skopeo({"copy", "--quiet", "--all"}, registry.skopeo_options("src-"),
                                {source(registry, image), "dir:" + copy.string()})));
        CHECK("sha256:" + must(sha256_file(copy / "manifest.json")) == image.digest);
    }
}

TEST_CASE("the index resolves to each of its three platforms", "[registry]") {
    const BuiltImages images;
    const Registry registry = closed_registry();
    must(registry.push(images.layout("variants")));
    const std::string image = source(registry, images.built("variants"));
    const auto access = registry.skopeo_options("");
    const auto index = nlohmann::json::parse(must(run_checked(skopeo({"inspect", "--raw"}, access, {image}))));
    REQUIRE(index.at("manifests").size() == 3);
    for (const auto &entry : index.at("manifests")) {
        const std::string architecture = entry.at("platform").at("architecture");
        const std::string variant = entry.at("platform").value("variant", "");
        Command inspect =
            skopeo({"--override-arch", architecture, "--override-variant", variant, "inspect", "--config", "--raw"},
                   access, {image});
        const std::string config = must(run_checked(inspect));
        const auto described = nlohmann::json::parse(config);
        CHECK(described.at("architecture") == architecture);
        CHECK(described.value("variant", "") == variant);
        const std::string manifest = must(
            read_file(images.layout("variants") / "blobs/sha256" / entry.at("digest").get<std::string>().substr(7)));
        CHECK(nlohmann::json::parse(manifest).at("config").at("digest") == "sha256:" + sha256(config));
    }
}

TEST_CASE("a wrong password, no password and an unknown authority are refused", "[registry]") {
    const BuiltImages images;
    const Registry registry = closed_registry();
    must(registry.push(images.layout("busybox")));
    const std::string image = source(registry, images.built("busybox"));
    const std::string certificates = registry.certificates();
    const auto inspect = [&](const std::vector<std::string> &access) {
        return must(run(skopeo({"inspect", "--raw"}, access, {image})));
    };
    CHECK(inspect({"--cert-dir", certificates, "--creds", "tester:correct horse"}).status == 0);
    const Completed wrong = inspect({"--cert-dir", certificates, "--creds", "tester:wrong"});
    CHECK(wrong.status != 0);
    CHECK_THAT(wrong.errors, ContainsSubstring("unauthorized") || ContainsSubstring("authentication required"));
    CHECK(inspect({"--cert-dir", certificates, "--no-creds"}).status != 0);
    const Completed unknown = inspect({"--creds", "tester:correct horse"});
    CHECK(unknown.status != 0);
    CHECK_THAT(unknown.errors, ContainsSubstring("certificate"));
}

TEST_CASE("an open registry serves, deletes, and is gone with its object", "[registry]") {
    const BuiltImages images;
    std::string image;
    path log;
    {
        const Registry registry = must(Registry::start({}));
        must(registry.push(images.layout("busybox")));
        image = source(registry, images.built("busybox"));
        log = registry.log();
        const auto access = registry.skopeo_options("");
        must(run_checked(skopeo({"inspect", "--raw"}, access, {image})));
        must(run_checked(skopeo({"delete"}, access, {image})));
        CHECK_THAT(must(run(skopeo({"inspect", "--raw"}, access, {image}))).errors, ContainsSubstring("unknown"));
    }
    CHECK_FALSE(std::filesystem::exists(log.parent_path()));
    const Completed after = must(run(skopeo({"inspect", "--raw", "--tls-verify=false"}, {}, {image})));
    CHECK_THAT(after.errors, ContainsSubstring("connection refused"));
}

TEST_CASE("a port that is taken is named", "[registry]") {
    const Registry first = must(Registry::start({}));
    const std::string message = message_of(Registry::start({.port = first.port()}));
    CHECK_THAT(message, ContainsSubstring("start docker-registry") && ContainsSubstring("address already in use") &&
                            ContainsSubstring(std::to_string(first.port())));
}

TEST_CASE("a user without a password is refused", "[registry]") {
    CHECK_THAT(message_of(Registry::start({.user = "tester"})), ContainsSubstring("registry password"));
    CHECK_THAT(message_of(Registry::start({.password = "secret"})), ContainsSubstring("registry user"));
}

TEST_CASE("serve prints what it serves and leaves nothing when it is stopped", "[registry]") {
    const BuiltImages images;
    const path scratch = images.scratch() / "serve";
    must(make_directories(scratch / "tmp"));
    Command serve;
    serve.arguments = {own_directory() / "ballast-test-images",
                       "serve",
                       "--layouts",
                       images.layouts(),
                       "--tls",
                       "--certificate-name",
                       "10.0.2.2"};
    serve.environment = {{"TMPDIR", scratch / "tmp"}};
    serve.log = scratch / "log";
    must(write_file(serve.log, ""));
    Child child = must(Child::start(serve));
    std::string printed;
    for (int waited = 0; printed.find("until interrupted") == std::string::npos && waited < 1500; ++waited) {
        usleep(20'000);
        printed = must(read_file(serve.log));
    }
    for (const ImageSpec &image : images.images()) {
        CHECK_THAT(printed, ContainsSubstring("/" + image.name + ":latest " + images.built(image.name).digest));
    }
    CHECK_THAT(printed, ContainsSubstring("certificate authority: " + (scratch / "tmp").string()));
    must(child.signal(SIGTERM));
    CHECK(must(child.wait(std::chrono::seconds(20))) == 0);
    CHECK(std::filesystem::is_empty(scratch / "tmp"));
}
