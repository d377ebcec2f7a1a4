// SPDX-License-Identifier: Apache-2.0
// A disk without room.
#include <catch2/catch_test_macros.hpp>
#include <sstream>
#include <unistd.h>

#include "tests/integration/engine/engine_fixture.h"

namespace ballast::engine_tests {
namespace {

using engine::Phase;

constexpr std::uint64_t kPlenty = 512UL << 20;

} // namespace

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
