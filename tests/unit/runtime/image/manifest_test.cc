// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/manifest.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string descriptor(std::string_view type, const std::string &more = "") {
    return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + kDigest + R"(","size":7)" + more + "}";
}

std::string manifest(const std::string &members) { return R"({"schemaVersion":2,)" + members + "}"; }

std::string refusal(const std::string &text) { return error_of(parse_manifest(text, "m")).message; }

} // namespace

TEST_CASE("OCI manifests and those of Docker's schema 2 are read alike", "[manifest]") {
    const Manifest oci = must(parse_manifest(
        manifest(R"("config":)" + descriptor(kOciConfig) + R"(,"layers":[)" + descriptor(kOciLayerZstd) + "]"), "m"));
    CHECK(oci.media_type == kOciManifest);
    CHECK(oci.layers.at(0).size == 7);
    const Manifest docker =
        must(parse_manifest(manifest(R"("mediaType":")" + std::string(kDockerManifest) + R"(","config":)" +
                                     descriptor(kDockerConfig) + R"(,"layers":[)" + descriptor(kDockerLayerGzip) + "]"),
                            "m"));
    CHECK(docker.media_type == kDockerManifest);
    const Manifest again = must(parse_manifest(manifest_text(docker), "m"));
    CHECK(again.layers == docker.layers);
    CHECK(again.config == docker.config);
    CHECK(manifest_text(again) == manifest_text(docker));
}

TEST_CASE("what a manifest may not say is refused with its place", "[manifest]") {
    const std::string config = R"("config":)" + descriptor(kOciConfig);
    CHECK(refusal(manifest(config + R"(,"layers":[{"digest":")" + kDigest + R"("}])")).contains("layers[0].size"));
    CHECK(refusal(manifest(config + R"(,"layers":[{"digest":"../../x","size":1}])")).contains("layers[0].digest"));
    CHECK(refusal(manifest(config + R"(,"layers":[)" + descriptor(kOciLayer, R"(,"urls":7)") + "]"))
              .contains("layers[0].urls"));
    CHECK(refusal(manifest(config + R"(,"layers":[{"digest":")" + kDigest + R"(","size":-1}])")).contains("size"));
    CHECK(refusal(manifest(config)).contains("layers"));
    CHECK(refusal("{}").contains("media type"));
    CHECK(refusal("[]").starts_with("m: "));
    CHECK(refusal(manifest(config + R"(,"layers":[)" + descriptor("text/plain") + "]")).contains("not supported"));
    std::string many;
    for (std::size_t place = 0; place <= kMostLayers; place++) {
        many += (place == 0 ? "" : ",") + descriptor(kOciLayer);
    }
    CHECK(refusal(manifest(config + R"(,"layers":[)" + many + "]")).contains("layers"));
    CHECK(error_of(parse_manifest(std::string(kLargestManifest + 1, ' '), "m")).code == EFBIG);
}

TEST_CASE("a document with two meanings is refused", "[manifest]") {
    const std::string both = manifest(R"("manifests":[],"layers":[],"config":)" + descriptor(kOciConfig));
    CHECK(error_of(document_kind(both, "", "m")).message.contains("manifest and an index at once"));
    const std::string index = manifest(R"("manifests":[])");
    CHECK(must(document_kind(index, kOciIndex, "m")) == MediaKind::kIndex);
    CHECK(must(document_kind(index, "", "m")) == MediaKind::kIndex);
    CHECK(error_of(document_kind(index, kOciManifest, "m")).code == EINVAL);
    CHECK(error_of(
              document_kind(manifest(R"("mediaType":")" + std::string(kOciManifest) + R"(","manifests":[])"), "", "m"))
              .code == EINVAL);
}

TEST_CASE("schema 1 and artifacts are refused with a reason", "[manifest]") {
    const Error old = error_of(parse_manifest(R"({"schemaVersion":1,"fsLayers":[],"history":[]})", "m"));
    CHECK(old.code == ENOTSUP);
    CHECK(old.message.contains("schema 1 are not supported"));
    const Error artifact = error_of(parse_manifest(
        manifest(R"("config":)" + descriptor("application/vnd.cncf.helm.config.v1+json") + R"(,"layers":[])"), "m"));
    CHECK(artifact.code == ENOTSUP);
    CHECK(artifact.message.contains("artifact"));
}

TEST_CASE("an index is written as it was read", "[manifest]") {
    const std::string text =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
        descriptor(kOciManifest,
                   R"(,"annotations":{"a":"b"},"platform":{"architecture":"arm","os":"linux","variant":"v6"})") +
        "]}";
    const Index index = must(parse_index(text, "i"));
    CHECK(index.manifests.at(0).platform->text() == "linux/arm/v6");
    CHECK(index_text(index) == text);
    CHECK(error_of(parse_index(text.substr(0, 40), "i")).code == EINVAL);
}
