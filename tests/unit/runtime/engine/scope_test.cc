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
