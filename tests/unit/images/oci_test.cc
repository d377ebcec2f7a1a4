// SPDX-License-Identifier: Apache-2.0
#include "tests/images/oci.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/images/platform.h"
#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;

TEST_CASE("an image's configuration says what the specification calls its keys", "[oci]") {
    ImageSpec image;
    image.name = "web";
    image.config = {.user = "1000",
                    .environment = {"A=b"},
                    .entrypoint = {},
                    .command = {"httpd", "-f"},
                    .working_directory = "/www",
                    .exposed_ports = {"8080/tcp"},
                    .volumes = {"/data"},
                    .stop_signal = "SIGINT",
                    .labels = {{"k", "v"}}};
    CHECK(config_json(image, {"linux", "arm", "v7"}, 1735689600, {"sha256:aa"}) ==
          R"({"architecture":"arm","config":{"Cmd":["httpd","-f"],"Env":["A=b"],"ExposedPorts":{"8080/tcp":{}},)"
          R"("Labels":{"k":"v"},"StopSignal":"SIGINT","User":"1000","Volumes":{"/data":{}},"WorkingDir":"/www"},)"
          R"("created":"2025-01-01T00:00:00Z","history":[{"created":"2025-01-01T00:00:00Z",)"
          R"("created_by":"ballast-test-images: web, layer 1"}],"os":"linux",)"
          R"("rootfs":{"diff_ids":["sha256:aa"],"type":"layers"},"variant":"v7"})");
}

TEST_CASE("an empty configuration has no keys at all", "[oci]") {
    ImageSpec image;
    CHECK(config_json(image, {"linux", "amd64", ""}, 0, {}) ==
          R"({"architecture":"amd64","config":{},"created":"1970-01-01T00:00:00Z","history":[],"os":"linux",)"
          R"("rootfs":{"diff_ids":[],"type":"layers"}})");
}

TEST_CASE("a manifest names its configuration and its layers in order", "[oci]") {
    const Descriptor config{kConfigType, "sha256:cc", 3, {}, {}};
    const Descriptor lower{layer_type(Compression::kGzip), "sha256:01", 1, {}, {}};
    const Descriptor upper{layer_type(Compression::kZstd), "sha256:02", 2, {}, {}};
    CHECK(manifest_json(config, {lower, upper}) ==
          R"({"config":{"digest":"sha256:cc","mediaType":"application/vnd.oci.image.config.v1+json","size":3},)"
          R"("layers":[{"digest":"sha256:01","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":1},)"
          R"({"digest":"sha256:02","mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":2}],)"
          R"("mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2})");
    CHECK(layer_type(Compression::kNone) == "application/vnd.oci.image.layer.v1.tar");
}

TEST_CASE("an index says which manifest is for which platform", "[oci]") {
    const Descriptor amd64{kManifestType, "sha256:aa", 1, Platform{"linux", "amd64", ""}, {}};
    const Descriptor arm{kManifestType, "sha256:bb", 2, Platform{"linux", "arm", "v7"}, {{"note", "x"}}};
    CHECK(index_json({amd64, arm}) ==
          R"({"manifests":[{"digest":"sha256:aa","mediaType":"application/vnd.oci.image.manifest.v1+json",)"
          R"("platform":{"architecture":"amd64","os":"linux"},"size":1},)"
          R"({"annotations":{"note":"x"},"digest":"sha256:bb",)"
          R"("mediaType":"application/vnd.oci.image.manifest.v1+json",)"
          R"("platform":{"architecture":"arm","os":"linux","variant":"v7"},"size":2}],)"
          R"("mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2})");
}

TEST_CASE("platforms are Go's names, packages have Debian's", "[oci]") {
    CHECK(debian_architecture(must(parse_platform("linux/amd64"))) == "amd64");
    CHECK(debian_architecture(must(parse_platform("linux/arm64"))) == "arm64");
    CHECK(debian_architecture(must(parse_platform("linux/arm/v7"))) == "armhf");
    CHECK(debian_architecture(must(parse_platform("linux/ppc64le"))) == "ppc64el");
    CHECK(must(parse_platform("linux/arm/v7")).describe() == "linux/arm/v7");
    CHECK(message_of(parse_platform("linux/arm")).find("linux/arm/v7") != std::string::npos);
}
