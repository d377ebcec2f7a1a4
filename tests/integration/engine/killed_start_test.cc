// SPDX-License-Identifier: Apache-2.0
// SIGKILL in the midst of a start, to the monitor alone or to the engine as well: what the program says is kept.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <fcntl.h>
#include <format>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "tests/integration/engine/engine_fixture.h"
#include "tests/integration/network/killed_step.h"

namespace ballast::engine_tests {
namespace {

using engine::Phase;
using engine::WaitCondition;

constexpr int kLines = 20'000; // more than a pipe holds

// A container "web", and who is killed when it is started.
class KilledStart {
  public:
    explicit KilledStart(const std::vector<std::string> &words, bool terminal = false) {
        fixture.close();
        fixture.runtime = BALLAST_KILLING_RUNTIME_PROGRAM;
        fixture.open();
        create(words, terminal);
    }
    void create(const std::vector<std::string> &words, bool terminal = false) {
        engine::CreateRequest request = fixture.request(words, "web");
        request.config.tty = terminal;
        must(fixture.engine().create(request));
    }
    // The monitor, before or after a verb of the runtime. What its start said.
    Result<bool> kill_monitor(const std::string &moment, const std::string &verb) {
        plan(moment, verb, 0);
        Result<bool> started = fixture.engine().start("web");
        REQUIRE_FALSE(fs::exists(fixture.root() / "run/kill")); // it was killed
        return started;
    }
    // And the engine with it, which then is another: nobody knows its children.
    void kill_both(const std::string &moment, const std::string &verb) { kill_engine(moment, verb, "both"); }
    void kill_engine(const std::string &moment, const std::string &verb, const std::string &victims = "daemon") {
        fixture.close();
        REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 0) == 0);
        const pid_t daemon = fork();
        REQUIRE(daemon >= 0);
        if (daemon == 0) {
            fixture.open();
            plan(moment, verb, getpid(), victims);
            (void)fixture.engine().start("web"); // it does not return, or says why
            _exit(1);
        }
        int status = 0;
        REQUIRE(waitpid(daemon, &status, 0) == daemon);
        REQUIRE(WIFSIGNALED(status));
    }
    engine::State state() { return must(fixture.engine().inspect("web")).state; }
    // All that it said, once that is so much.
    std::string output(std::size_t bytes) {
        std::string text;
        for (int i = 0; i < 2000 && (text = fixture.output("web")).size() < bytes; i++) {
            usleep(10'000);
        }
        return text;
    }
    void wait_for_its_end() const {
        for (int i = 0; i < 2000 && is_there(); i++) {
            usleep(10'000);
        }
        REQUIRE_FALSE(is_there());
    }
    // Nothing of it stays.
    void check_end() {
        must(fixture.engine().remove("web", {.force = true}));
        std::vector<std::string> left;
        for (int i = 0; i < 500 && !(left = fixture.leftovers()).empty(); i++) {
            usleep(10'000); // a program that is being killed
        }
        CHECK(left == std::vector<std::string>());
        CHECK(fixture.kept() == 0);
    }

    EngineFixture fixture{true};

  private:
    void plan(const std::string &moment, const std::string &verb, pid_t daemon,
              const std::string &victims = "both") const {
        must(write_file(fixture.root() / "run/kill", std::format("{} {} {} {}\n", moment, verb, daemon, victims)));
    }
    bool is_there() const {
        const std::vector<std::string> all = fixture.leftovers();
        return std::ranges::any_of(all, [](const std::string &one) { return one.contains(": /inside"); });
    }
};

// Monitors of an engine that was forked off and killed.
void kill_monitors() {
    for (const pid_t monitor : own_monitors()) {
        REQUIRE(::kill(monitor, SIGKILL) == 0);
        REQUIRE(waitpid(monitor, nullptr, 0) == monitor);
    }
}

} // namespace

TEST_CASE("a container outlives the monitor that was killed before it could tell of its start", "[engine][root]") {
    for (const bool terminal : {false, true}) {
        CAPTURE(terminal);
        KilledStart one({"say", std::to_string(kLines)}, terminal);
        CHECK(must(one.kill_monitor("after", terminal ? "start" : "run")));
        const std::string all = lines(kLines, terminal ? "\r\n" : "\n");
        CHECK(one.output(all.size()) == all);
        CHECK(one.state().phase == Phase::kRunning);
        must(one.fixture.engine().stop("web"));
        CHECK(one.state().exit_code == 15);
        one.check_end();
    }
}

TEST_CASE("how a program ended is known though its monitor was killed before it could tell of its start",
          "[engine][root]") {
    KilledStart one({"say", "5", "7"});
    must(one.kill_monitor("after", "run"));
    CHECK(must(one.fixture.engine().wait("web", WaitCondition::kNotRunning)).exit_code == 7);
    CHECK(one.fixture.output("web") == lines(5));
    one.check_end();
}

TEST_CASE("a start whose monitor is killed before the program could run fails, and leaves nothing", "[engine][root]") {
    KilledStart one({"say", "5"}, true);
    CHECK_FALSE(one.kill_monitor("after", "create"));
    CHECK(one.state().exit_code == 128);
    CHECK(one.fixture.output("web").empty());
    CHECK(must(one.fixture.engine().start("web")));
    CHECK(one.output(15) == lines(5, "\r\n"));
    one.check_end();
}

TEST_CASE("a container that is started when engine and monitor are killed is found, with all that it said",
          "[engine][root]") {
    for (const bool terminal : {false, true}) {
        CAPTURE(terminal);
        KilledStart one({"say", std::to_string(kLines)}, terminal);
        one.kill_both("after", terminal ? "start" : "run");
        one.fixture.open();
        CHECK(one.state().phase == Phase::kRunning);
        const std::string all = lines(kLines, terminal ? "\r\n" : "\n");
        CHECK(one.output(all.size()) == all);
        must(one.fixture.engine().stop("web"));
        one.check_end();
    }
}

TEST_CASE("a container that ended while engine and monitor were dead has lost its status and nothing else",
          "[engine][root]") {
    KilledStart one({"say", "5", "7"});
    one.kill_both("after", "run");
    one.wait_for_its_end();
    one.fixture.open();
    const engine::WaitResult end = must(one.fixture.engine().wait("web", WaitCondition::kNotRunning));
    CHECK(end.exit_code == 255);
    CHECK(one.state().error == "exit status lost");
    CHECK(one.fixture.output("web") == lines(5));
    one.check_end();
}

TEST_CASE("a container that is started when the engine is killed keeps its monitor, and ends with its own status",
          "[engine][root]") {
    for (const char *moment : {"before", "after"}) {
        CAPTURE(moment);
        KilledStart one({"say", "5", "7"});
        one.kill_engine(moment, "run");
        one.fixture.open();
        CHECK(must(one.fixture.engine().wait("web", WaitCondition::kNotRunning)).exit_code == 7);
        CHECK(one.state().error.empty());
        CHECK(one.fixture.output("web") == lines(5));
        one.check_end();
    }
}

TEST_CASE("a program that waits for its start when engine and monitor are killed does not run", "[engine][root]") {
    KilledStart one({"say", "5"}, true);
    one.kill_both("after", "create");
    one.fixture.open();
    CHECK(one.state().phase == Phase::kCreated);
    CHECK(one.fixture.output("web").empty());
    one.check_end();
}

TEST_CASE("between whatever steps of a start engine and monitor are killed, the log has what the program said",
          "[engine][root]") {
    const std::string all = lines(kLines);
    KilledStart one({"say", std::to_string(kLines)});
    std::set<Phase> outcomes;
    bool killed = true;
    for (int step = 0; killed; step++) {
        CAPTURE(step);
        one.fixture.close();
        killed = must(testing::killed_at(
            step,
            [&one]() -> Status {
                one.fixture.open();
                return {};
            },
            [&one]() -> Status {
                TRY(one.fixture.engine().start("web"));
                return {};
            }));
        kill_monitors();
        one.fixture.open();
        const engine::State state = one.state();
        outcomes.insert(state.phase);
        if (state.phase == Phase::kRunning) {
            CHECK(one.output(all.size()) == all);
        } else {
            CHECK(all.starts_with(one.fixture.output("web")));
        }
        one.check_end();
        one.create({"say", std::to_string(kLines)});
    }
    CHECK(outcomes.contains(Phase::kCreated));
    CHECK(outcomes.contains(Phase::kRunning));
    one.check_end();
}

} // namespace ballast::engine_tests
