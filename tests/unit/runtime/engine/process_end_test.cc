// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/process_end.h"

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

// A child that waits for its end.
struct Child {
    pid_t pid = fork();
    Fd process;
    Child() {
        if (pid == 0) {
            pause();
            _exit(0);
        }
        process = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
        REQUIRE(process.is_open());
    }
    ~Child() {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, nullptr, 0); // ECHILD: the test has
    }
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;
};

// No poll(2) of any descriptor succeeds while this lives.
struct NoPolls {
    rlimit before{};
    NoPolls() {
        REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
        const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
        REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    ~NoPolls() { (void)setrlimit(RLIMIT_NOFILE, &before); }
    NoPolls(const NoPolls &) = delete;
    NoPolls &operator=(const NoPolls &) = delete;
};

} // namespace

TEST_CASE("whether a process has ended is told by its pidfd", "[process_end]") {
    const Child child;
    CHECK_FALSE(must(has_ended(child.process)));
    REQUIRE(kill(child.pid, SIGKILL) == 0); // others the test program catches, and its children
    CHECK(ends_within(child.process, std::chrono::seconds(20)));
    CHECK(must(has_ended(child.process)));
    const monitor::End end = end_of_child(child.pid);
    CHECK(end.known);
    CHECK(end.status == 128 + SIGKILL);
    CHECK(end.signal == SIGKILL);
    CHECK_FALSE(end_of_child(child.pid).known); // it was waited for
}

TEST_CASE("a process that cannot be asked for has neither ended nor not", "[process_end]") {
    const Child child;
    const Result<bool> asked = [&child] {
        const NoPolls none;
        return has_ended(child.process);
    }();
    CHECK(asked.error().code == EINVAL);
    CHECK(has_ended(Fd()).error().code == EBADF);
}

} // namespace ballast::engine
