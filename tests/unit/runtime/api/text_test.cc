// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "runtime/api/image_filter.h"
#include "runtime/api/log_frames.h"
#include "runtime/api/status_text.h"
#include "runtime/api/times.h"
#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::api;
using namespace std::chrono_literals;
using engine::Phase;

TEST_CASE("durations are told as docker tells them", "[api]") {
    REQUIRE(human_duration(0s) == "Less than a second");
    REQUIRE(human_duration(1500ms) == "1 second");
    REQUIRE(human_duration(59s) == "59 seconds");
    REQUIRE(human_duration(60s) == "About a minute");
    REQUIRE(human_duration(3min) == "3 minutes");
    REQUIRE(human_duration(60min) == "About an hour");
    REQUIRE(human_duration(3h) == "3 hours");
    REQUIRE(human_duration(3h + 31min) == "4 hours");
    REQUIRE(human_duration(49h) == "2 days");
    REQUIRE(human_duration(24h * 20) == "2 weeks");
    REQUIRE(human_duration(24h * 90) == "3 months");
    REQUIRE(human_duration(24h * 365 * 3) == "3 years");
    REQUIRE(human_duration(-5s) == "Less than a second");
}

TEST_CASE("the status of a container is what docker ps prints", "[api]") {
    const engine::Time now = engine::Time(1000h);
    engine::State state;
    REQUIRE(status_text(state, now) == "Created");
    state.phase = Phase::kRunning;
    state.started_at = now - 3min;
    REQUIRE(status_text(state, now) == "Up 3 minutes");
    state.health = engine::Health{.status = "starting"};
    REQUIRE(status_text(state, now) == "Up 3 minutes (health: starting)");
    state.health->status = "unhealthy";
    REQUIRE(status_text(state, now) == "Up 3 minutes (unhealthy)");
    state.phase = Phase::kPaused;
    REQUIRE(status_text(state, now) == "Up 3 minutes (Paused)");
    state.phase = Phase::kExited;
    state.exit_code = 137;
    state.finished_at = now - 2h;
    REQUIRE(status_text(state, now) == "Exited (137) 2 hours ago");
    state.phase = Phase::kRestarting;
    REQUIRE(status_text(state, now) == "Restarting (137) 2 hours ago");
    state.phase = Phase::kRemoving;
    REQUIRE(status_text(state, now) == "Removal In Progress");
    state.phase = Phase::kDead;
    REQUIRE(status_text(state, now) == "Dead");
}

TEST_CASE("times are seconds, dates or durations before now", "[api]") {
    const engine::Time now = engine::Time(1000h);
    REQUIRE(must(parse_when("", now)) == engine::kNever);
    REQUIRE(must(parse_when("0", now)) == engine::kNever);
    REQUIRE(must(parse_when("1700000000", now)) == engine::Time(1700000000s));
    REQUIRE(must(parse_when("1700000000.000000042", now)) == engine::Time(1700000000s + 42ns));
    REQUIRE(must(parse_when("1700000000.5", now)) == engine::Time(1700000000s + 500ms));
    REQUIRE(must(parse_when("1h30m", now)) == now - 90min);
    REQUIRE(must(parse_when("1.5s", now)) == now - 1500ms);
    REQUIRE(must(parse_when("2023-11-14T22:13:20Z", now)) == engine::Time(1700000000s));
    for (const char *text : {"x", "-1", "1.2.3", "1700000000.0000000001", "10", "10 m", "m", "99999999999999999999",
                             "1e5s", "9999999999999h", "infs", "nanm"}) {
        CAPTURE(text);
        if (std::string_view(text) != "10") { // ten seconds after the beginning
            REQUIRE(error_of(parse_when(text, now)).code == EINVAL);
        }
    }
}

TEST_CASE("frames have the writer and the size in front", "[api]") {
    REQUIRE(frame(Stream::kOutput, "ab") == std::string("\x01\0\0\0\0\0\0\x02", 8) + "ab");
    REQUIRE(frame(Stream::kError, std::string(0x1234, 'x')).substr(0, 8) == std::string("\x02\0\0\0\0\0\x12\x34", 8));
}

TEST_CASE("a line of a log has its time and details in front when they are wanted", "[api]") {
    const engine::LogEntry entry{.standard_error = false,
                                 .time = engine::Time(1700000000s + 7ns),
                                 .line = "hello\n",
                                 .details = {{"b", "x,y"}, {"a", "1 2"}}};
    REQUIRE(log_line(entry, false, false) == "hello\n");
    REQUIRE(log_line(entry, true, false) == "2023-11-14T22:13:20.000000007Z hello\n");
    REQUIRE(log_line(entry, true, true) == "2023-11-14T22:13:20.000000007Z a=1+2,b=x%2Cy hello\n");
}

TEST_CASE("modes of files are Go's", "[api]") {
    REQUIRE(go_file_mode(S_IFREG | 0644) == 0644);
    REQUIRE(go_file_mode(S_IFDIR | 01777) == (1U << 31 | 1U << 20 | 0777U));
    REQUIRE(go_file_mode(S_IFLNK | 0777) == (1U << 27 | 0777U));
    REQUIRE(go_file_mode(S_IFREG | 04755) == (1U << 23 | 0755U));
    REQUIRE(go_file_mode(S_IFCHR | 0600) == (1U << 26 | 1U << 21 | 0600U));
}

TEST_CASE("patterns of references match names with and without tags", "[api]") {
    REQUIRE(matches_reference("busybox", "busybox:latest"));
    REQUIRE(matches_reference("busy*", "busybox:latest"));
    REQUIRE(matches_reference("busybox:1.*", "busybox:1.36"));
    REQUIRE_FALSE(matches_reference("busybox:1.*", "busybox:latest"));
    REQUIRE(matches_reference("reg:5000/*", "reg:5000/app:1"));
    REQUIRE_FALSE(matches_reference("reg:5000/*", "reg:5000/a/app:1"));
    REQUIRE_FALSE(matches_reference("*", "a/b:1"));
}

TEST_CASE("an inspected container has what clients read", "[api]") {
    engine::Snapshot container;
    container.id = std::string(64, 'a');
    container.name = "web";
    container.path = "sh";
    container.args = {"-c", "echo hi"};
    container.host.network_mode = "none";
    container.state.phase = Phase::kRunning;
    container.state.pid = 42;
    const Json view = container_view(container);
    REQUIRE(view["Name"] == "/web");
    REQUIRE(view["State"]["Status"] == "running");
    REQUIRE(view["State"]["Running"] == true);
    REQUIRE(view["State"]["Pid"] == 42);
    REQUIRE(view["State"]["FinishedAt"] == "0001-01-01T00:00:00Z");
    REQUIRE(view["NetworkSettings"]["Networks"]["none"]["NetworkID"] == network::predefined_id("none"));
    REQUIRE(view["Mounts"].is_array());
    REQUIRE(view["Config"].is_object());
    REQUIRE(view["HostConfig"]["NetworkMode"] == "none");
    REQUIRE(view["ExecIDs"].is_null());
    REQUIRE_FALSE(view.contains("SizeRw"));

    const Json summary = container_summary(container, "busybox", engine::Time(1h), true);
    REQUIRE(summary["Names"] == Json::array({"/web"}));
    REQUIRE(summary["Command"] == "sh -c 'echo hi'");
    REQUIRE(summary["State"] == "running");
    REQUIRE(summary["HostConfig"]["NetworkMode"] == "none");
    REQUIRE(summary["Labels"].is_object());
    REQUIRE(summary["SizeRw"] == 0);
}

TEST_CASE("an event has its old fields, too", "[api]") {
    const engine::Event event{.type = "container",
                              .action = "start",
                              .actor = "abc",
                              .attributes = {{"image", "busybox"}, {"name", "web"}},
                              .time = engine::Time(1700000000s + 7ns)};
    const Json view = event_view(event);
    REQUIRE(view["status"] == "start");
    REQUIRE(view["from"] == "busybox");
    REQUIRE(view["Type"] == "container");
    REQUIRE(view["Actor"]["Attributes"]["name"] == "web");
    REQUIRE(view["time"] == 1700000000);
    REQUIRE(view["timeNano"] == 1700000000000000007);
    REQUIRE_FALSE(
        event_view({.type = "volume", .action = "create", .actor = "v", .attributes = {}}).contains("status"));
}

TEST_CASE("statistics are where clients look for them", "[api]") {
    engine::Stats before;
    before.cpu_total = 1;
    engine::Stats sample;
    sample.name = "web";
    sample.cpu_total = 5;
    sample.memory_usage = 100;
    sample.pids = 1;
    sample.memory_stat["inactive_file"] = 7;
    sample.networks["eth0"].rx_bytes = 9;
    const Json view = stats_view(sample, &before);
    REQUIRE(view["name"] == "/web");
    REQUIRE(view["cpu_stats"]["cpu_usage"]["total_usage"] == 5);
    REQUIRE(view["precpu_stats"]["cpu_usage"]["total_usage"] == 1);
    REQUIRE(view["memory_stats"]["stats"]["inactive_file"] == 7);
    REQUIRE(view["networks"]["eth0"]["rx_bytes"] == 9);
    REQUIRE(view["pids_stats"]["limit"] == ~std::uint64_t{0});
    REQUIRE(stats_view({}, nullptr)["memory_stats"].empty());
}
