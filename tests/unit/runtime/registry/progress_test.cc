// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/progress.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::registry;
using image::Digest;
using image::Stage;

TEST_CASE("progress is written as dockerd writes it", "[registry]") {
    CHECK(progress_line({.id = "latest", .status = "Pulling from library/busybox"}) ==
          "{\"status\":\"Pulling from library/busybox\",\"id\":\"latest\"}\r\n");
    CHECK(progress_line({.status = "Digest: sha256:1"}) == "{\"status\":\"Digest: sha256:1\"}\r\n");
    CHECK(progress_line({.id = "0123456789ab", .status = "Pulling fs layer", .is_step = true}) ==
          "{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"0123456789ab\"}\r\n");
    CHECK(progress_line({.id = "a", .status = "Downloading", .is_step = true, .current = 500, .total = 1000}) ==
          "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":500,\"total\":1000},\"progress\":\"["
          "=========================>                         ]     500B/1kB\",\"id\":\"a\"}\r\n");
    CHECK(progress_line({.aux = R"({"Tag":"v1","Digest":"sha256:1","Size":7})"}) ==
          "{\"progressDetail\":{},\"aux\":{\"Tag\":\"v1\",\"Digest\":\"sha256:1\",\"Size\":7}}\r\n");
    CHECK(error_line("no \"such\" thing") ==
          "{\"errorDetail\":{\"message\":\"no \\\"such\\\" thing\"},\"error\":\"no \\\"such\\\" thing\"}\r\n");
    CHECK(error_line("\xff").contains("\xef\xbf\xbd")); // a client must be able to read it
}

TEST_CASE("sizes are shown as docker shows them", "[registry]") {
    CHECK(human_size(0) == "0B");
    CHECK(human_size(999) == "999B");
    CHECK(human_size(1536) == "1.536kB");
    CHECK(human_size(2'218'000) == "2.218MB");
    CHECK(human_size(72'800'000'000) == "72.8GB");
    CHECK(human_size(~0ULL) == "18.45EB");
}

TEST_CASE("a layer's line changes by its stages, and bytes are told sparingly", "[registry]") {
    std::vector<Progress> told;
    ProgressRelay relay([&](const Progress &progress) { told.push_back(progress); });
    const Digest layer = Digest::of("layer");
    relay.layer(layer, Stage::kPulling, 0, 0);
    relay.layer(layer, Stage::kPulling, 0, 0);
    for (std::uint64_t bytes = 1; bytes <= 1000; ++bytes) {
        relay.layer(layer, Stage::kDownloading, bytes, 1000);
    }
    relay.layer(layer, Stage::kRetrying, 1, 0);
    relay.layer(layer, Stage::kRetrying, 2, 0);
    relay.layer(layer, Stage::kVerifying, 0, 0);
    relay.layer(layer, Stage::kDownloaded, 0, 0);
    relay.layer(layer, Stage::kExtracting, 7, 1000);
    relay.layer(layer, Stage::kComplete, 0, 0);
    std::vector<std::string> words;
    for (const Progress &progress : told) {
        CHECK(progress.id == layer.shown());
        CHECK(progress.is_step);
        if (words.empty() || words.back() != progress.status) {
            words.push_back(progress.status);
        }
    }
    CHECK(words == std::vector<std::string>{"Pulling fs layer", "Downloading", "Retrying in 1 second",
                                            "Retrying in 2 seconds", "Verifying Checksum", "Download complete",
                                            "Extracting", "Pull complete"});
    CHECK(told.size() < 1000);
    CHECK(told[1].current == 1);
    CHECK(told[1].total == 1000);
}

TEST_CASE("a push shows layers by another name", "[registry]") {
    std::vector<Progress> told;
    ProgressRelay relay([&](const Progress &progress) { told.push_back(progress); });
    const Digest blob = Digest::of("blob");
    const Digest diff = Digest::of("diff");
    relay.rename(blob, diff);
    relay.step(blob, "Preparing");
    relay.layer(blob, Stage::kPushExists, 0, 0);
    relay.say("", "The push refers to repository [docker.io/library/a]");
    REQUIRE(told.size() == 3);
    CHECK(told[0].id == diff.shown());
    CHECK(told[1].status == "Layer already exists");
    CHECK(told[2].id.empty());
    ProgressRelay silent({});
    silent.say("", "x");
}
