// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/model_json.h"
#include "runtime/engine/names.h"
#include "runtime/engine/record.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

Snapshot sample() {
    Snapshot container;
    container.id = random_id();
    container.name = "web";
    container.created = Time(std::chrono::nanoseconds(1'700'000'000'123'456'789));
    container.state.phase = Phase::kExited;
    container.state.exit_code = 137;
    container.state.oom_killed = true;
    container.state.health = Health{
        .status = "unhealthy",
        .failing_streak = 3,
        .log = {{.start = container.created, .end = container.created + 5ms, .exit_code = 1, .output = "no answer\n"}}};
    container.config.env = {"A=b"};
    container.config.cmd = Texts{"x"};
    container.config.volumes = {"/data"};
    container.config.health_check = HealthCheck{.test = {"CMD", "true"}};
    container.config.stop_timeout = 3;
    container.host.binds = {"/a:/b"};
    container.host.memory = 100 << 20;
    container.host.port_bindings["80/tcp"] = {{.host_ip = "", .host_port = "8080"}};
    container.host.restart_policy = {.kind = RestartPolicy::Kind::kOnFailure, .maximum_retry_count = 2};
    container.host.ulimits = {{.name = "nofile", .soft = 1, .hard = -1}};
    container.host.tmpfs["/t"] = "size=1m";
    container.host.pids_limit = -1;
    container.host.mounts = {{.type = "volume", .source = "v", .target = "/v", .volume = MountSpec::Volume{}}};
    container.mounts = {{.type = "volume", .name = "v", .destination = "/v", .writable = false, .anonymous = true}};
    return container;
}

} // namespace

TEST_CASE("a container's record reads back as it was written", "[engine]") {
    const Snapshot before = sample();
    const std::string text = record_text(before);
    const Snapshot read = must(parse_record(text, "config.json"));
    CHECK(record_text(read) == text);
    CHECK(read.created == before.created);
    CHECK(read.state.exit_code == 137);
    CHECK(read.host.restart_policy.maximum_retry_count == 2);
    CHECK(read.mounts.front().anonymous);
    REQUIRE(read.state.health.has_value());
    CHECK(read.state.health->status == "unhealthy");
    REQUIRE(read.state.health->log.size() == 1);
    CHECK(read.state.health->log.front().output == "no answer\n");
    CHECK(read.state.health->log.front().end == before.state.health->log.front().end);
}

TEST_CASE("a record that is cut short, of another version or of a wrong type is refused with its place", "[engine]") {
    const std::string text = record_text(sample());
    for (std::size_t size = 0; size + 2 < text.size(); size += 37) {
        CHECK_FALSE(parse_record(text.substr(0, size), "config.json"));
    }
    const auto with = [&text](const std::string &from, const std::string &to) {
        std::string changed = text;
        changed.replace(changed.find(from), from.size(), to);
        return parse_record(changed, "config.json");
    };
    CHECK(with("\"Version\": 1", "\"Version\": 2").error().message.contains("Version"));
    CHECK(with("\"ExitCode\": 137", "\"ExitCode\": \"x\"").error().message.contains("State.ExitCode"));
    CHECK(with("\"Phase\": \"exited\"", "\"Phase\": \"gone\"").error().message.contains("State.Phase"));
    CHECK_FALSE(with("\"Name\": \"web\"", "\"Name\": \"../x\""));
}

TEST_CASE("times are written and read as RFC 3339", "[engine]") {
    const Time time(std::chrono::nanoseconds(1'700'000'000'123'456'789));
    CHECK(time_text(time) == "2023-11-14T22:13:20.123456789Z");
    CHECK(must(parse_time("2023-11-14T22:13:20.123456789Z")) == time);
    CHECK(must(parse_time("2023-11-15T00:13:20.123456789+02:00")) == time);
    CHECK(time_text(kNever) == "0001-01-01T00:00:00Z");
    CHECK_FALSE(parse_time("yesterday"));
}

TEST_CASE("a body's wrong type is told with its path, and null keeps what is there", "[engine]") {
    JsonDocument document = must(JsonDocument::parse(R"({"Env": null, "Labels": {"a": 5}})", "body"));
    Config config;
    config.env = {"A=1"};
    read_config(JsonCursor(document), config);
    CHECK(config.env == Texts{"A=1"});
    CHECK(document.status().error().message.contains("Labels.a"));
}

} // namespace ballast::engine
