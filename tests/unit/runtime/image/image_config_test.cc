// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/config_change.h"
#include "runtime/image/image_config.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::image;

namespace {

const std::string kDiff = "sha256:" + std::string(64, 'b');

RunConfig changed(const std::vector<std::string> &changes, RunConfig config = {}) {
    must(apply_changes(changes, config));
    return config;
}

} // namespace

TEST_CASE("a configuration is read, written and read again", "[image]") {
    const std::string text =
        R"({"architecture":"amd64","os":"linux","created":"2025-01-02T03:04:05.6Z","config":{"User":"1:2",)"
        R"("ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Cmd":["x"],"Volumes":{"/v":{}},"Labels":{"l":"m"},)"
        R"("Healthcheck":{"Test":["NONE"],"Retries":3},"StopSignal":"SIGINT"},"rootfs":{"type":"layers","diff_ids":[")" +
        kDiff + R"("]},"history":[{"created_by":"y"},{"created_by":"z","empty_layer":true}],"unknown":[1]})";
    const ImageConfig config = must(parse_image_config(text, "c"));
    CHECK(config.platform.text() == "linux/amd64");
    CHECK(config.config.exposed_ports.contains("80/tcp"));
    CHECK_FALSE(config.config.entrypoint.has_value());
    CHECK(config.config.cmd == std::vector<std::string>{"x"});
    CHECK(config.config.healthcheck->retries == 3);
    CHECK(config.history.at(1).empty_layer);
    CHECK(config.chain_ids().at(0).text() == kDiff);
    const ImageConfig again = must(parse_image_config(image_config_text(config), "c"));
    CHECK(again.config == config.config);
    CHECK(again.history == config.history);
    CHECK(image_config_text(again) == image_config_text(config));
}

TEST_CASE("an absent command and an empty one differ", "[image]") {
    const std::string rootfs = R"("rootfs":{"diff_ids":[]}})";
    CHECK_FALSE(must(parse_image_config(R"({"config":{"Cmd":null},)" + rootfs, "c")).config.cmd.has_value());
    CHECK(must(parse_image_config(R"({"config":{"Cmd":[]},)" + rootfs, "c")).config.cmd->empty());
    CHECK_FALSE(must(parse_image_config(R"({"config":null,)" + rootfs, "c")).config.entrypoint.has_value());
}

TEST_CASE("wrong types in a configuration are refused with their place", "[image]") {
    CHECK(error_of(parse_image_config("{}", "c")).message == "c: rootfs: missing");
    CHECK(error_of(parse_image_config(R"({"rootfs":{"diff_ids":["x"]}})", "c")).message.contains("rootfs.diff_ids[0]"));
    CHECK(error_of(parse_image_config(R"({"rootfs":{"type":"base","diff_ids":[]}})", "c"))
              .message.contains("rootfs.type"));
    CHECK(error_of(parse_image_config(R"({"config":{"Env":"A"},"rootfs":{}})", "c")).message.contains("config.Env"));
}

TEST_CASE("times are read with any offset", "[image]") {
    CHECK(seconds_of("1970-01-01T00:00:00Z") == 0);
    CHECK(seconds_of("2025-01-31T09:08:07.123456789Z") == 1738314487);
    CHECK(seconds_of("2025-01-31T10:08:07+01:00") == 1738314487);
    CHECK(seconds_of("0001-01-01T00:00:00Z") == -62135596800);
    for (const char *text : {"", "yesterday", "2025-01-31", "2025-01-31T09:08:07", "2025-01-31T09:08:07+x"}) {
        CHECK(seconds_of(text) == 0);
    }
}

TEST_CASE("instructions change a configuration as a Dockerfile's do", "[image]") {
    const RunConfig config = changed(
        {"CMD [\"a\", \"b\"]", "entrypoint echo hi", "ENV A=1 B='x y' C=\"q\\\"r\"", "ENV OLD one two", "ENV A=2",
         "LABEL k=v", "EXPOSE 80 90-91/udp", "USER 7:8", "VOLUME /a /b", "VOLUME [\"/c d\"]", "WORKDIR /w",
         "WORKDIR sub", "STOPSIGNAL SIGUSR1", "ONBUILD RUN x", "HEALTHCHECK --interval=1m30s --retries=2 CMD curl x"});
    CHECK(config.cmd == std::vector<std::string>{"a", "b"});
    CHECK(config.entrypoint == std::vector<std::string>{"/bin/sh", "-c", "echo hi"});
    CHECK(config.env == std::vector<std::string>{"A=2", "B=x y", "C=q\"r", "OLD=one two"});
    CHECK(config.labels.at("k") == "v");
    CHECK(config.exposed_ports == std::set<std::string>{"80/tcp", "90/udp", "91/udp"});
    CHECK(config.volumes == std::set<std::string>{"/a", "/b", "/c d"});
    CHECK(config.working_dir == "/w/sub");
    CHECK(config.healthcheck->test == std::vector<std::string>{"CMD-SHELL", "curl x"});
    CHECK(config.healthcheck->interval == 90'000'000'000);
    CHECK(config.healthcheck->retries == 2);
    CHECK(changed({"HEALTHCHECK NONE"}).healthcheck->test == std::vector<std::string>{"NONE"});
}

TEST_CASE("instructions that do not read are refused by name", "[image]") {
    for (const char *change :
         {"RUN x", "FROM a", "CMD", "ENV", "ENV A", "ENV =b", "ENV A=\"x", "EXPOSE 0", "EXPOSE 70000", "EXPOSE 5-3",
          "EXPOSE 80/http", "HEALTHCHECK CMD", "HEALTHCHECK --interval=x CMD a", "HEALTHCHECK --what=1 CMD a"}) {
        CAPTURE(change);
        RunConfig config;
        const Status status = apply_changes({change}, config);
        REQUIRE_FALSE(status.has_value());
        CHECK(status.error().code == EINVAL);
        CHECK(status.error().message.starts_with("change \""));
    }
}
