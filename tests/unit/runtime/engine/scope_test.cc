// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/ps_output.h"
#include "runtime/engine/scope.h"
#include "tests/unit/check.h"

namespace ballast::engine {

TEST_CASE("a scope stands in its slice, and slices in one another", "[engine]") {
    CHECK(must(plan_scope("x", "")).cgroup == "/system.slice/ballast-x.scope");
    CHECK(must(plan_scope("x", "a-b.slice")).cgroup == "/a.slice/a-b.slice/ballast-x.scope");
    for (const char *bad :
         {"a", ".slice", "-a.slice", "a--b.slice", "a-.slice", "../a.slice", "a/b.slice", "a b.slice"}) {
        INFO(bad);
        CHECK_FALSE(plan_scope("x", bad));
    }
}

TEST_CASE("a scope asks its monitor to stop, and gives it the container's time and more", "[engine]") {
    const auto words = [](int seconds, std::string_view name) {
        for (const isolate::UnitProperty &one :
             scope_properties(must(plan_scope("x", "")), {.description = "d", .first = 7, .stop_seconds = seconds})) {
            if (one.name == name) {
                return one.words;
            }
        }
        return std::vector<std::string>();
    };
    CHECK(words(10, "KillSignal") == std::vector{std::to_string(SIGURG)});
    CHECK(words(10, "PIDs") == std::vector<std::string>{"7"});
    CHECK(words(10, "TimeoutStopUSec") == std::vector<std::string>{"25000000"});
    CHECK(words(-1, "TimeoutStopUSec").empty()); // systemd's own
    CHECK(words(10, "DefaultDependencies").empty());
}

TEST_CASE("scopes of containers are found in all slices, and not inside of a container", "[engine]") {
    const TemporaryDirectory cgroups = scratch();
    const std::string id(64, 'a'), other(64, 'b'), unit = "ballast-" + id + ".scope";
    for (const std::string &one :
         {"system.slice/" + unit + "/container/system.slice/ballast-" + other + ".scope",
          "a.slice/a-b.slice/ballast-" + other + ".scope", std::string("system.slice/ballast-x.scope"),
          std::string("system.slice/ballast-.scope"), std::string("system.slice/ballastd.service"),
          "user.service/ballast-" + std::string(64, 'c') + ".scope"}) {
        std::filesystem::create_directories(cgroups.path() / one);
    }
    const std::map<std::string, ScopePlan> found = find_scopes(cgroups.path());
    REQUIRE(found.size() == 2);
    CHECK(found.at(id).cgroup == must(plan_scope(id, "")).cgroup);
    CHECK(found.at(id).unit == unit);
    CHECK(found.at(other).slice == "a-b.slice");
    CHECK(found.at(other).cgroup == must(plan_scope(other, "a-b.slice")).cgroup);
    CHECK(find_scopes(cgroups.path() / "nothing").empty());
}

TEST_CASE("ps's table is cut down to the container's processes", "[engine]") {
    const std::string table = "UID   PID  CMD\nroot    1  init splash\nroot   42  sleep 1 2 3\nroot  420  sleep x\n";
    const Processes processes = must(parse_ps(table, {42}));
    CHECK(processes.titles == Texts{"UID", "PID", "CMD"});
    REQUIRE(processes.rows.size() == 1);
    CHECK(processes.rows[0] == Texts{"root", "42", "sleep 1 2 3"});
    CHECK(parse_ps("UID CMD\n", {1}).error().message == "Couldn't find PID field in ps output");
    CHECK_FALSE(ps_words("-o pid=X,cmd"));
    CHECK(must(ps_words("-o pid,cmd")) == Texts{"-o", "pid,cmd"});
}

} // namespace ballast::engine
