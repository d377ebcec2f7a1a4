// SPDX-License-Identifier: Apache-2.0
#include "boot/hang_guard.h"

#include <array>
#include <fcntl.h>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

namespace ballast::boot {
namespace {

using namespace std::chrono_literals;

// What the guard does, seen from outside: a letter when it gives up, and its exit code.
struct Guarded {
    Guarded() { REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0); }
    ~Guarded() {
        close(ends[0]);
        close(ends[1]);
    }
    std::function<void()> give_up() {
        return [this] { (void)!write(ends[1], "x", 1); };
    }
    int exit_code() {
        int status = 0;
        REQUIRE(waitpid(-1, &status, 0) > 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    bool gave_up() {
        char letter = 0;
        REQUIRE(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
        return read(ends[0], &letter, 1) == 1;
    }
    std::array<int, 2> ends{};
};

TEST_CASE("a step that takes longer than it is allowed makes the guard give up", "[boot]") {
    Guarded guarded;
    const HangGuard guard = must(HangGuard::start(1ms, guarded.give_up()));
    CHECK(guarded.exit_code() == 1);
    CHECK(guarded.gave_up());
}

TEST_CASE("what a later step is allowed counts from then on", "[boot]") {
    Guarded guarded;
    HangGuard guard = must(HangGuard::start(24h * 365, guarded.give_up())); // more than poll(2) can wait
    must(guard.allow(1h));
    must(guard.allow(1ms));
    CHECK(guarded.exit_code() == 1);
    CHECK(guarded.gave_up());
}

TEST_CASE("the guard ends with what it guards", "[boot]") {
    Guarded guarded;
    std::optional<HangGuard> guard = must(HangGuard::start(1h, guarded.give_up()));
    must(guard->allow(2h));
    guard.reset();
    CHECK(guarded.exit_code() == 0);
    CHECK_FALSE(guarded.gave_up());
}

} // namespace
} // namespace ballast::boot
