// SPDX-License-Identifier: Apache-2.0
// A disk without room, whatever is under way: the error names the place, nothing half-done stays, and all goes on once
// there is room again.
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <set>
#include <sstream>
#include <unistd.h>

#include "tests/integration/engine/engine_fixture.h"

namespace ballast::engine_tests {
namespace {

using engine::Phase;

constexpr std::uint64_t kPlenty = 512UL << 20;
constexpr std::size_t kLarge = 8UL << 20;

// Every file below the engine's directory, but for what is written all the time, and the directories that overlayfs
// makes for itself when it is mounted and when something is to be written below them.
std::set<std::string> files_of(const EngineFixture &fixture) {
    std::set<std::string> files;
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(fixture.root())) {
        const std::string name = entry.path().string().substr(fixture.root().string().size());
        if (!name.contains("events.json") && !name.contains("~seccomp") && !name.ends_with("/work/work") &&
            !name.ends_with("/upper/tmp")) {
            files.insert(name);
        }
    }
    return files;
}

struct Deed {
    const char *name;
    std::uint64_t room; // when it is tried
    const char *where;  // what the error says
    std::function<Status(EngineFixture &)> attempt;
};

template <typename T>
Status status_of(const Result<T> &result) {
    return result ? Status() : std::unexpected(result.error());
}

std::vector<Deed> deeds() {
    return {
        {"an import", 1UL << 20, "docker system prune",
         [](EngineFixture &fixture) { return status_of(fixture.import("large", kLarge)); }},
        {"the creation of a container", 0, "/data/containers/",
         [](EngineFixture &fixture) {
             return status_of(fixture.engine().create(fixture.request({"exit", "3"}, "created")));
         }},
        {"the creation of a container that has a volume filled", 4UL << 10, "/data/volumes/big",
         [](EngineFixture &fixture) {
             engine::CreateRequest request = fixture.request({"exit", "3"}, "filled");
             request.host.binds = {"big:/data"};
             return status_of(fixture.engine().create(std::move(request)));
         }},
        {"the creation of a volume", 0, "/data/volumes/more",
         [](EngineFixture &fixture) { return status_of(fixture.engine().create_volume({.name = "more"})); }},
        {"a start", 0, "/hosts", [](EngineFixture &fixture) { return status_of(fixture.engine().start("idle")); }},
        {"a copy into a container", 1UL << 20, "copied",
         [](EngineFixture &fixture) {
             return fixture.copy_in("idle", "/tmp", fixture.archive({{"copied", std::string(kLarge, 'c')}}));
         }},
        {"a commit", 0, "/data/incoming/",
         [](EngineFixture &fixture) {
             engine::CommitRequest request;
             request.repository = "committed";
             return status_of(fixture.engine().commit("changed", request));
         }},
    };
}

} // namespace

TEST_CASE("what a full disk ends is told, leaves nothing half-done, and works once there is room", "[engine][root]") {
    for (const Deed &deed : deeds()) {
        INFO(deed.name);
        EngineFixture fixture;
        must(fixture.engine().create(fixture.request({"exit", "3"}, "idle")));
        must(fixture.engine().create_volume({.name = "big"}));
        REQUIRE(fixture.run({"write", "/tmp/more", "text"}, "changed") == 0);
        const std::set<std::string> before = files_of(fixture);
        fixture.leave_room(deed.room);
        const Status failed = deed.attempt(fixture);
        REQUIRE_FALSE(failed);
        INFO(failed.error().message);
        CHECK(failed.error().message.contains("No space left on device"));
        CHECK(failed.error().code == ENOSPC);
        CHECK(failed.error().message.contains(deed.where));
        std::set<std::string> after = files_of(fixture);
        for (const std::string &file : before) {
            INFO(file);
            CHECK(after.erase(file) == 1);
        }
        INFO((after.empty() ? std::string() : *after.begin()));
        CHECK(after.empty());
        fixture.leave_room(kPlenty);
        CHECK(deed.attempt(fixture));
        CHECK(fixture.run({"exit", "5"}) == 5);
    }
}

TEST_CASE("a container runs on while its log finds no room, and is logged again once there is", "[engine][root]") {
    EngineFixture fixture;
    fixture.start({"count", "0"}, "talker");
    const auto last_line = [&fixture] {
        std::istringstream lines(fixture.output("talker"));
        int last = 0;
        for (std::string line; std::getline(lines, line);) {
            REQUIRE(line.find_first_not_of("0123456789") == std::string::npos); // whole, always
            last = std::stoi(line);
        }
        return last;
    };
    while (last_line() == 0) {
        usleep(10'000);
    }
    fixture.leave_room(0);
    // Whatever room its last page has is filled; then the log stands still.
    int full = last_line();
    for (int same = 0, now = 0; same < 20; full = now) {
        usleep(50'000);
        now = last_line();
        same = now == full ? same + 1 : 0;
    }
    CHECK(must(fixture.engine().inspect("talker")).state.phase == Phase::kRunning);
    fixture.leave_room(kPlenty);
    while (last_line() <= full + 1) {
        usleep(10'000);
    }
    // It did not wait for its log: lines of that time are lost, and counted.
    CHECK(last_line() > full + 50);
    CHECK(must(fixture.engine().inspect("talker")).state.phase == Phase::kRunning);
}

} // namespace ballast::engine_tests
