// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <format>
#include <random>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/integration/engine/engine_fixture.h"

namespace ballast::engine_tests {
namespace {

using engine::Phase;

// Makes, starts, stops and removes containers until it is killed.
[[noreturn]] void work(EngineFixture &fixture, int round) {
    for (int count = 0;; count++) {
        const std::string name = "c" + std::to_string(round) + "-" + std::to_string(count);
        engine::CreateRequest request = fixture.request({count % 2 == 0 ? "wait" : "true"}, name);
        request.host.binds = {"shared:/data"};
        if (fixture.engine().create(request) && fixture.engine().start(name) && count % 3 == 0) {
            (void)fixture.engine().stop(name, "SIGKILL"); // whether it works is not what this test asks
            (void)fixture.engine().remove(name, {});
        }
    }
}

// The one of this test's only container.
void kill_monitor() {
    const std::vector<pid_t> monitors = own_monitors();
    REQUIRE(monitors.size() == 1);
    REQUIRE(::kill(monitors.front(), SIGKILL) == 0);
}

// What is said to run does; or it has just ended, and soon that is said.
bool is_true(EngineFixture &fixture, const std::string &id) {
    for (int i = 0; i < 1000; i++) {
        const engine::State state = must(fixture.engine().inspect(id)).state;
        if (!state.running() || ::kill(state.pid, 0) == 0) {
            return true;
        }
        usleep(20'000);
    }
    return false;
}

void reap() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

} // namespace

TEST_CASE("a container keeps running without the daemon, and is found again with all that it said", "[engine][root]") {
    EngineFixture fixture;
    const std::string id = fixture.start({"wait"}, "web");
    const int pid = must(fixture.engine().inspect("web")).state.pid;
    fixture.close();
    CHECK(::kill(pid, 0) == 0);
    fixture.open();
    CHECK(must(fixture.engine().inspect("web")).state.phase == Phase::kRunning);
    CHECK(must(fixture.engine().inspect("web")).state.pid == pid);
    CHECK(fixture.exec("web", {"/inside", "exit", "5"}) == 5);
    must(fixture.engine().stop("web"));
    CHECK(must(fixture.engine().inspect("web")).state.exit_code == 15);
}

TEST_CASE("the end of a container while there was no daemon is not lost", "[engine][root]") {
    EngineFixture fixture;
    fixture.start({"wait"}, "web");
    const int pid = must(fixture.engine().inspect("web")).state.pid;
    fixture.close();
    REQUIRE(::kill(pid, SIGTERM) == 0);
    while (fs::exists("/proc/" + std::to_string(pid))) {
        usleep(2000);
    }
    fixture.open();
    const engine::WaitResult end = must(fixture.engine().wait("web", engine::WaitCondition::kNotRunning));
    CHECK(end.exit_code == 15);
}

TEST_CASE("a record that does not read is set aside, and the others work", "[engine][root]") {
    EngineFixture fixture;
    const std::string broken = must(fixture.engine().create(fixture.request({}, "broken"))).id;
    must(fixture.engine().create(fixture.request({"exit", "3"}, "good")));
    fixture.close();
    const fs::path record = fixture.root() / "data/containers" / broken / "config.json";
    must(write_file(record, "{\"Version\": 1,"));
    fixture.open();
    CHECK(fixture.engine().inspect("broken").error().code == ENOENT);
    CHECK(fs::exists(record.string() + ".broken"));
    CHECK(fixture.engine().warnings().size() == 1);
    must(fixture.engine().start("good"));
    CHECK(must(fixture.engine().wait("good", engine::WaitCondition::kNotRunning)).exit_code == 3);
    must(remove_tree(record.parent_path()));
}

TEST_CASE("a container whose monitor is killed gets another, and its end is told", "[engine][root]") {
    EngineFixture fixture;
    const std::string id = fixture.start({"wait"}, "web");
    kill_monitor();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (fixture.exec("web", {"/inside", "exit", "5"}) != 5 && std::chrono::steady_clock::now() < deadline) {
        usleep(20000);
    }
    CHECK(must(fixture.engine().inspect("web")).state.phase == Phase::kRunning);
    must(fixture.engine().stop("web"));
    CHECK(must(fixture.engine().inspect("web")).state.exit_code == 15);
}

TEST_CASE("a container whose new monitors are killed as well gets one that lives, and nothing that it said is lost",
          "[engine][root]") {
    constexpr int kLines = 20'000; // more than a pipe holds
    EngineFixture fixture;
    fixture.close();
    const fs::path deaths = fixture.root() / "deaths";
    must(make_directories(deaths, 0700));
    fixture.monitor = fixture.root() / "monitor";
    must(write_file(fixture.monitor,
                    std::format("#!/bin/sh\nfor death in {}/*; do\n    if [ -e \"$death\" ]; then\n        /bin/rm "
                                "\"$death\"\n        kill -KILL $$\n    fi\ndone\nexec {} \"$@\"\n",
                                deaths.string(), BALLAST_MONITOR_PROGRAM),
                    0700));
    fixture.open();
    fixture.start({"say", std::to_string(kLines)}, "web");
    for (const char *death : {"1", "2", "3"}) {
        must(write_file(deaths / death, ""));
    }
    kill_monitor();
    const std::string all = lines(kLines);
    std::string output;
    const auto is_over = [&] { // it may have said all before its first monitor died
        output = fixture.output("web");
        return output.size() >= all.size() && fs::is_empty(deaths);
    };
    for (int i = 0; i < 2000 && !is_over(); i++) {
        usleep(10'000);
    }
    CHECK(output == all);
    CHECK(fs::is_empty(deaths));
    CHECK(must(fixture.engine().inspect("web")).state.phase == Phase::kRunning);
    must(fixture.engine().stop("web"));
    CHECK(must(fixture.engine().inspect("web")).state.exit_code == 15);
}

TEST_CASE("how an exec ended is known after a restart of the daemon, and after the death of its monitor",
          "[engine][root]") {
    EngineFixture fixture;
    fixture.start({"wait"}, "web");
    engine::ExecConfig config;
    config.cmd = {"/inside", "exit", "5"};
    const std::string before = must(fixture.engine().create_exec("web", config));
    must(fixture.engine().start_exec(before, true));
    config.cmd = {"/inside", "wait"};
    const std::string during = must(fixture.engine().create_exec("web", config));
    must(fixture.engine().start_exec(during, true));
    const int pid = must(fixture.engine().inspect_exec(during)).pid;
    const auto code_of = [&fixture](const std::string &exec) {
        while (must(fixture.engine().inspect_exec(exec)).running) {
            usleep(2000);
        }
        return must(fixture.engine().inspect_exec(exec)).exit_code.value_or(-1);
    };
    CHECK(code_of(before) == 5);
    fixture.close();
    fixture.open();
    CHECK(code_of(before) == 5);
    CHECK(must(fixture.engine().inspect_exec(before)).config.cmd == engine::Texts{"/inside", "exit", "5"});
    CHECK(must(fixture.engine().inspect_exec(during)).running);
    fixture.close();
    REQUIRE(::kill(pid, SIGTERM) == 0); // it ends with 15 while there is no daemon
    fixture.open();
    CHECK(code_of(during) == 15);
    // The daemon is its parent, once its monitor is dead.
    const std::string after = must(fixture.engine().create_exec("web", config));
    must(fixture.engine().start_exec(after, true));
    kill_monitor();
    REQUIRE(::kill(must(fixture.engine().inspect_exec(after)).pid, SIGTERM) == 0);
    const int code = code_of(after);
    CHECK((code == 15 || code == 128 + SIGTERM)); // whether it had come to catch it
}

TEST_CASE("killed at any moment, the engine leaves nothing that its next life does not find or remove",
          "[engine][root]") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    EngineFixture fixture;
    fixture.close();
    std::minstd_rand random(42); // NOLINT: the same moments each time
    for (int round = 0; round < 12; round++) {
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            fixture.open();
            work(fixture, round);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(30 + random() % 400));
        REQUIRE(::kill(child, SIGKILL) == 0);
        REQUIRE(waitpid(child, nullptr, 0) == child);
        fixture.open();
        for (const engine::Snapshot &one : must(fixture.engine().list({.all = true}))) {
            INFO("round " << round << ", " << one.name << ": " << engine::phase_name(one.state.phase));
            CHECK(is_true(fixture, one.id));
            must(fixture.engine().remove(one.id, {.force = true}));
        }
        fixture.close();
        // What was being started when its engine died ends by itself, a moment later.
        std::vector<std::string> left;
        for (int i = 0; i < 1000; i++) {
            reap();
            left = fixture.leftovers();
            if (left.empty()) {
                break;
            }
            usleep(20000);
        }
        CHECK(left == std::vector<std::string>());
    }
}

} // namespace ballast::engine_tests
