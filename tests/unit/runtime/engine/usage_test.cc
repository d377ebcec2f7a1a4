// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/usage.h"

#include <unistd.h>

#include "base/tree_size.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

Time at(std::chrono::nanoseconds since) { return Time(1000s + since); }
std::uint64_t nanoseconds(std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

} // namespace

TEST_CASE("a rate is taken over the time since the last sample, the first one since the start", "[engine]") {
    Meter meter;
    CHECK(measure(meter, at(0s), at(10s), nanoseconds(5s)) == nanoseconds(500ms));
    CHECK(measure(meter, at(0s), at(12s), nanoseconds(9s)) == nanoseconds(2s));
    // Within a second there is no new rate, and the window goes on.
    CHECK(measure(meter, at(0s), at(12s + 500ms), nanoseconds(9s)) == nanoseconds(2s));
    CHECK(measure(meter, at(0s), at(16s), nanoseconds(9s)) == 0);
}

TEST_CASE("a rate begins anew with a container that was started again, and outlives a clock that jumps", "[engine]") {
    Meter meter;
    (void)measure(meter, at(0s), at(10s), nanoseconds(5s));
    CHECK(measure(meter, at(20s), at(24s), nanoseconds(1s)) == nanoseconds(250ms));
    CHECK(measure(meter, at(20s), at(2s), nanoseconds(2s)) == nanoseconds(250ms));
    Meter fresh;
    CHECK(measure(fresh, at(5s), at(5s), nanoseconds(1s)) == 0);
}

TEST_CASE("what several cgroups use is their sum, without limits", "[engine]") {
    isolate::Statistics sum, one, two;
    one.cpu.total = 10;
    one.memory.memory = {.limit = 100, .usage = 20, .max = 30};
    one.memory.raw = {{"anon", 3}};
    one.pids = 1;
    two = one;
    two.memory.raw["inactive_file"] = 5;
    add(sum, one);
    add(sum, two);
    CHECK(sum.cpu.total == 20);
    CHECK(sum.memory.memory.usage == 40);
    CHECK(sum.memory.memory.limit == ~std::uint64_t{0});
    CHECK(sum.memory.raw == std::map<std::string, std::uint64_t>{{"anon", 6}, {"inactive_file", 5}});
    CHECK(sum.pids == 2);
}

TEST_CASE("a slice is its pod's when it has the pod's uid in its name", "[engine]") {
    CHECK(is_slice_of("kubepods-burstable-pod11_22.slice", "11-22"));
    CHECK(is_slice_of("kubepods-pod11_22.slice", "11-22"));
    CHECK_FALSE(is_slice_of("kubepods-burstable.slice", "11-22"));
    CHECK_FALSE(is_slice_of("kubepods-pod11_23.slice", "11-22"));
    CHECK_FALSE(is_slice_of("kubepods-pod.slice", ""));
    CHECK_FALSE(is_slice_of("", "11-22"));
}

TEST_CASE("a cgroup that is gone has no statistics", "[engine]") {
    CHECK(error_of(read_cgroup("/sys/fs/cgroup/of-nobody")).code == ENOENT);
}

TEST_CASE("a tree takes blocks and inodes of its file system, hard links once", "[engine]") {
    const TemporaryDirectory place = scratch();
    must(make_directories(place.path() / "tree/a"));
    must(write_file(place.path() / "tree/a/file", std::string(10000, 'x')));
    REQUIRE(link((place.path() / "tree/a/file").c_str(), (place.path() / "tree/other").c_str()) == 0);
    const TreeUse use = tree_use(place.path() / "tree");
    CHECK(use.inodes == 3);
    CHECK(use.bytes >= 10000);
    CHECK(tree_size(place.path() / "tree") == 10000);
    CHECK(tree_use(place.path() / "nothing").inodes == 0);
}

} // namespace ballast::engine
