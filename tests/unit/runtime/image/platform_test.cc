// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/manifest.h"
#include "runtime/image/platform.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

Platform platform(const std::string &text) { return must(Platform::parse(text)); }

Index index_of(const std::vector<std::string> &platforms) {
    Index index{.media_type = std::string(kOciIndex), .manifests = {}};
    for (const std::string &text : platforms) {
        index.manifests.push_back({.media_type = std::string(kOciManifest), .digest = Digest::of(text), .size = 1});
        if (text != "none") {
            index.manifests.back().platform = platform(text);
        }
    }
    return index;
}

std::string chosen(const std::vector<std::string> &offered, const std::string &wanted) {
    const Result<Descriptor> choice = choose_manifest(index_of(offered), platform(wanted), "index");
    for (const std::string &text : offered) {
        if (choice.has_value() && choice->digest == Digest::of(text)) {
            return text;
        }
    }
    return choice.has_value() ? "?" : choice.error().message;
}

} // namespace

TEST_CASE("platforms have one spelling", "[platform]") {
    CHECK(platform("linux/x86_64").text() == "linux/amd64");
    CHECK(platform("linux/aarch64").text() == "linux/arm64");
    CHECK(platform("linux/arm64/v8").text() == "linux/arm64");
    CHECK(platform("linux/arm").text() == "linux/arm/v7");
    CHECK(platform("linux/armhf").text() == "linux/arm/v7");
    CHECK(platform("linux/arm/6").text() == "linux/arm/v6");
    CHECK(platform("LINUX/AMD64").text() == "linux/amd64");
    CHECK(platform("arm64").text() == "linux/arm64");
    CHECK(platform("linux") == Platform::own());
    for (const char *text : {"", "/", "linux/", "linux//v7", "a/b/c/d", "linux/am d64", "linux/\n"}) {
        CHECK(error_of(Platform::parse(text)).code == EINVAL);
    }
}

TEST_CASE("the best variant that the machine runs is chosen", "[platform]") {
    CHECK(chosen({"linux/arm64", "linux/amd64"}, "linux/amd64") == "linux/amd64");
    CHECK(chosen({"linux/arm/v5", "linux/arm/v6", "linux/arm/v7"}, "linux/arm/v7") == "linux/arm/v7");
    CHECK(chosen({"linux/arm/v5", "linux/arm/v6", "linux/arm/v7"}, "linux/arm/v6") == "linux/arm/v6");
    CHECK(chosen({"linux/arm/v5", "linux/arm/v6"}, "linux/arm/v7") == "linux/arm/v6");
    CHECK(chosen({"linux/amd64", "linux/amd64/v2", "linux/amd64/v4"}, "linux/amd64/v3") == "linux/amd64/v2");
    CHECK(chosen({"linux/arm/v7", "linux/arm64"}, "linux/arm64") == "linux/arm64");
    CHECK(chosen({"linux/arm/v7", "linux/arm/v6"}, "linux/arm64") == "linux/arm/v7");
    CHECK(chosen({"linux/arm/v7"}, "linux/arm/v6").contains("no matching manifest for linux/arm/v6"));
    CHECK(chosen({"windows/amd64", "linux/s390x"}, "linux/amd64").contains("windows/amd64, linux/s390x"));
}

TEST_CASE("an entry without platform counts only when it is the only one", "[platform]") {
    CHECK(chosen({"none"}, "linux/amd64") == "none");
    CHECK(chosen({"none", "linux/arm64"}, "linux/amd64").contains("no matching manifest"));
    Index attested = index_of({"linux/amd64"});
    attested.manifests.insert(attested.manifests.begin(), attested.manifests[0]);
    attested.manifests[0].digest = Digest::of("attestation");
    attested.manifests[0].annotations["vnd.docker.reference.type"] = "attestation-manifest";
    CHECK(must(choose_manifest(attested, platform("linux/amd64"), "index")).digest == Digest::of("linux/amd64"));
}
