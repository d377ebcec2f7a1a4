// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "runtime/monitor/connection.h"
#include "tests/integration/engine/engine_fixture.h"

namespace ballast::engine_tests {
namespace {

using engine::Phase;

constexpr int kLost = 255;

// The runtime in the middle of an exec: it waits for what it reads there.
class HeldRuntime {
  public:
    explicit HeldRuntime(fs::path spec) : spec_(std::move(spec)), text_(must(read_file(spec_))) {
        fs::rename(spec_, aside());
        REQUIRE(mkfifo(spec_.c_str(), 0600) == 0);
        pipe_ = must(open_file(spec_, O_RDWR));
        REQUIRE(fcntl(pipe_.get(), F_SETPIPE_SZ, 1 << 20) > 0); // room for all of it
    }
    ~HeldRuntime() {
        std::error_code error;
        fs::rename(aside(), spec_, error); // the container may be gone
    }
    HeldRuntime(const HeldRuntime &) = delete;
    HeldRuntime &operator=(const HeldRuntime &) = delete;
    void go_on() {
        must(write_all(pipe_, text_));
        pipe_.close();
    }
    void fail() { pipe_.close(); }

  private:
    fs::path aside() const { return spec_.string() + ".aside"; }
    fs::path spec_;
    std::string text_;
    Fd pipe_;
};

std::vector<pid_t> processes_that_start(const std::string &exec) {
    std::vector<pid_t> found;
    for (const fs::directory_entry &entry : fs::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") == std::string::npos &&
            read_file(entry.path() / "cmdline").value_or("").contains("exec-" + exec + ".pid")) {
            found.push_back(std::stoi(name));
        }
    }
    return found;
}

void until_it_starts(const std::string &exec) {
    while (processes_that_start(exec).empty()) {
        usleep(2000);
    }
}

engine::ExecConfig exits_with_7() {
    engine::ExecConfig config;
    config.cmd = {"/inside", "exit", "7"};
    return config;
}

fs::path spec_of(const EngineFixture &fixture, const std::string &container) {
    return fixture.root() / "run/oci" / container / "config.json";
}

// An engine that is killed while it starts an exec of "web". Returns the exec.
std::string exec_of_a_killed_engine(EngineFixture &fixture) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const fs::path note = fixture.root() / "exec";
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        fixture.open();
        const std::string exec = must(fixture.engine().create_exec("web", exits_with_7()));
        must(replace_file(note, exec));
        (void)fixture.engine().start_exec(exec, true); // never returns
        _exit(1);
    }
    while (!fs::exists(note)) {
        usleep(2000);
    }
    std::string exec = must(read_file(note));
    until_it_starts(exec);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(waitpid(child, nullptr, 0) == child);
    return exec;
}

void kill_monitor_of(EngineFixture &fixture, const std::string &container) {
    const std::string socket = (fixture.root() / "run/monitor" / (container + ".sock")).string();
    const pid_t monitor =
        must(monitor::Connection::connect(socket, monitor::Purpose::kControl, std::chrono::seconds(5))).monitor_pid();
    REQUIRE(::kill(monitor, SIGKILL) == 0);
}

int code_of(EngineFixture &fixture, const std::string &exec) {
    while (must(fixture.engine().inspect_exec(exec)).running) {
        usleep(2000);
    }
    return must(fixture.engine().inspect_exec(exec)).exit_code.value_or(-1);
}

} // namespace

TEST_CASE("an exec that is being started when engine and monitor are killed is not started behind the engine's back",
          "[engine][root]") {
    EngineFixture fixture(true);
    const std::string id = fixture.start({"wait"}, "web");
    fixture.close();
    HeldRuntime held(spec_of(fixture, id));
    const std::string exec = exec_of_a_killed_engine(fixture);
    kill_monitor_of(fixture, id);
    fixture.open();
    CHECK(code_of(fixture, exec) == kLost);
    CHECK(processes_that_start(exec).empty());
    CHECK(must(fixture.engine().inspect("web")).state.phase == Phase::kRunning);
}

TEST_CASE("an exec that is being started when the engine is killed ends with its own code", "[engine][root]") {
    EngineFixture fixture;
    const std::string id = fixture.start({"wait"}, "web");
    fixture.close();
    HeldRuntime held(spec_of(fixture, id));
    const std::string exec = exec_of_a_killed_engine(fixture);
    fixture.open();
    CHECK(must(fixture.engine().inspect_exec(exec)).running);
    held.go_on();
    CHECK(code_of(fixture, exec) == 7);
}

TEST_CASE("an exec that cannot be started ends, though the engine that asked for it is gone", "[engine][root]") {
    EngineFixture fixture;
    const std::string id = fixture.start({"wait"}, "web");
    fixture.close();
    HeldRuntime held(spec_of(fixture, id));
    const std::string exec = exec_of_a_killed_engine(fixture);
    fixture.open();
    CHECK(must(fixture.engine().inspect_exec(exec)).running);
    held.fail();
    CHECK(code_of(fixture, exec) == kLost);
}

TEST_CASE("an exec whose monitor is killed while it is being started says that it failed, and does not run",
          "[engine][root]") {
    EngineFixture fixture;
    const std::string id = fixture.start({"wait"}, "web");
    HeldRuntime held(spec_of(fixture, id));
    const std::string exec = must(fixture.engine().create_exec("web", exits_with_7()));
    std::string said;
    std::thread client([&] {
        const auto stream = fixture.engine().start_exec(exec, true);
        said = stream ? "it was started" : stream.error().message;
    });
    until_it_starts(exec);
    kill_monitor_of(fixture, id);
    client.join();
    CHECK(said.contains("monitor was killed"));
    CHECK(code_of(fixture, exec) == kLost);
    CHECK(processes_that_start(exec).empty());
}

} // namespace ballast::engine_tests
