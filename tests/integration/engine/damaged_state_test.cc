// SPDX-License-Identifier: Apache-2.0
// State files of every kind, damaged in every way that a disk knows: each is reported with its name, and harms one
// object at most.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <functional>
#include <unistd.h>

#include "tests/integration/engine/engine_fixture.h"

namespace ballast::engine_tests {
namespace {

using engine::Phase;

// The engine with one of everything, as its last life left it.
struct Left {
    EngineFixture fixture;
    std::string victim, good;
    int pid = 0; // of "victim", which runs

    Left() {
        engine::CreateRequest request = fixture.request({"wait"}, "victim");
        request.host.binds = {"things:/things"};
        victim = must(fixture.engine().create(request)).id;
        must(fixture.engine().start("victim"));
        pid = must(fixture.engine().inspect("victim")).state.pid;
        good = must(fixture.engine().create(fixture.request({"exit", "3"}, "good"))).id;
        fixture.close();
    }
    fs::path data(const std::string &name) const { return fixture.root() / "data" / name; }
    // Whatever else is damaged.
    void check_others() {
        must(fixture.engine().start("good"));
        CHECK(must(fixture.engine().wait("good", engine::WaitCondition::kNotRunning)).exit_code == 3);
        CHECK(fixture.run({"exit", "4"}) == 4);
    }
};

struct Kind {
    const char *name;
    std::function<fs::path(Left &)> file; // brings about what it needs
    std::function<void(Left &)> check;    // what became of its object
    bool set_aside = true;                // as FILE.broken; otherwise it is made again from others
    bool warns = true;                    // at the engine's start; otherwise its log tells
};

fs::path any_below(const fs::path &directory, const char *file) {
    for (const fs::directory_entry &entry : fs::directory_iterator(directory)) {
        if (fs::exists(entry.path() / file)) {
            return entry.path() / file;
        }
    }
    FAIL("no " << file << " below " << directory);
    return {};
}

void check_victim_runs(Left &left) {
    CHECK(must(left.fixture.engine().inspect("victim")).state.phase == Phase::kRunning);
    CHECK(must(left.fixture.engine().inspect("victim")).state.pid == left.pid);
}

std::vector<Kind> kinds() {
    return {
        {.name = "a container's record",
         .file = [](Left &left) { return left.data("containers") / left.victim / "config.json"; },
         .check = [](Left &left) { CHECK(left.fixture.engine().inspect("victim").error().code == ENOENT); }},
        {.name = "a container's exit",
         .file =
             [](Left &left) {
                 REQUIRE(::kill(left.pid, SIGTERM) == 0);
                 const fs::path file = left.data("containers") / left.victim / "exit.json";
                 while (!fs::exists(file)) {
                     usleep(2000);
                 }
                 return file;
             },
         .check =
             [](Left &left) {
                 const engine::WaitResult end =
                     must(left.fixture.engine().wait("victim", engine::WaitCondition::kNotRunning));
                 CHECK(end.exit_code == 255);
                 CHECK(end.error == "exit status lost");
             },
         .warns = false},
        {.name = "a volume's record",
         .file = [](Left &left) { return left.data("volumes/things/volume.json"); },
         .check =
             [](Left &left) {
                 check_victim_runs(left);
                 CHECK(left.fixture.engine().inspect_volume("things"));
             }},
        {.name = "the names of images",
         .file = [](Left &left) { return left.data("images.json"); },
         .check = check_victim_runs},
        {.name = "a layer's record",
         .file = [](Left &left) { return any_below(left.data("layers"), "layer.json"); },
         .check = check_victim_runs,
         .set_aside = false},
        {.name = "the history of events",
         .file = [](Left &left) { return left.data("events.json"); },
         .check = check_victim_runs},
    };
}

struct Damage {
    const char *name;
    std::function<std::string(const std::string &)> of;
};

std::vector<Damage> damages() {
    return {
        {"empty", [](const std::string &) { return std::string(); }},
        {"cut", [](const std::string &text) { return text.substr(0, text.size() / 2) + "\n"; }},
        {"zeros", [](const std::string &text) { return std::string(text.size(), '\0') + "\n"; }},
        {"another's", [](const std::string &) { return std::string("{\"some\": \"thing\"}\n"); }},
    };
}

} // namespace

TEST_CASE("a damaged state file of any kind is reported with its name and set aside, and all others work",
          "[engine][root]") {
    for (const Kind &kind : kinds()) {
        for (const Damage &damage : damages()) {
            INFO(kind.name << ", " << damage.name);
            Left left;
            const fs::path file = kind.file(left);
            const std::string whole = must(read_file(file));
            const std::string damaged = damage.of(whole);
            const bool history = file.filename() == "events.json";
            must(write_file(file, damaged));
            left.fixture.open();
            // An empty history is one of an engine that has just been installed.
            const bool nothing_wrong = history && damaged.empty();
            const std::vector<std::string> warnings = left.fixture.warnings();
            const bool told = std::ranges::any_of(
                warnings, [&file](const std::string &warning) { return warning.contains(file.string()); });
            CHECK(told == (kind.warns && !nothing_wrong));
            left.check_others();
            kind.check(left);
            CHECK(fs::exists(file.string() + ".broken") == (kind.set_aside && !nothing_wrong));
            if (must(left.fixture.engine().list({.all = true})).size() < 3) { // nobody else ends it
                (void)::kill(left.pid, SIGKILL);
                must(remove_tree(left.data("containers") / left.victim));
            }
        }
    }
}

} // namespace ballast::engine_tests
