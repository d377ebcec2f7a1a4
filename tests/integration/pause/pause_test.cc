// SPDX-License-Identifier: Apache-2.0
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <thread>

#include "base/fd.h"
#include "base/file_io.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace std::chrono_literals;

namespace {

// A child of ours in a process namespace of its own, whose first process is ballast-pause.
struct Pause {
    pid_t pid = -1;
    Fd pidfd;

    Pause() {
        const pid_t before = getpid();
        Fd own = must(open_file("/proc/self/ns/pid", O_RDONLY));
        if (unshare(CLONE_NEWPID) != 0) {
            SKIP("needs root, to make a process namespace");
        }
        pid = fork();
        if (pid == 0) {
            execl(BALLAST_PAUSE, "pause", nullptr);
            _exit(127);
        }
        REQUIRE(setns(own.get(), CLONE_NEWPID) == 0);
        REQUIRE(getpid() == before);
        REQUIRE(pid > 0);
        pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
        REQUIRE(pidfd.is_open());
        while (!must(read_file("/proc/" + std::to_string(pid) + "/cmdline")).starts_with("pause")) {
            std::this_thread::sleep_for(1ms);
        }
        while (!sleeps()) { // until it has blocked what is sent, the kernel drops it
            std::this_thread::sleep_for(1ms);
        }
    }
    Pause(const Pause &) = delete;
    Pause &operator=(const Pause &) = delete;
    ~Pause() {
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
    }

    bool sleeps() const { return must(read_file("/proc/" + std::to_string(pid) + "/stat")).contains(") S "); }
    int status_at_end() {
        pollfd entry{pidfd.get(), POLLIN, 0};
        REQUIRE(poll(&entry, 1, 20'000) == 1); // a test that hangs fails
        int status = 0;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        pid = -1;
        return status;
    }
};

// In the namespace of `pause`: a process that leaves an orphan behind, which sleeps. The orphan's number in our
// namespace.
pid_t leave_orphan(const Pause &pause) {
    const Fd own = must(open_file("/proc/self/ns/pid", O_RDONLY));
    const Fd theirs = must(open_file("/proc/" + std::to_string(pause.pid) + "/ns/pid", O_RDONLY));
    REQUIRE(setns(theirs.get(), CLONE_NEWPID) == 0);
    const pid_t parent = fork();
    if (parent == 0) {
        if (fork() == 0) {
            while (true) {
                ::pause();
            }
        }
        _exit(0);
    }
    REQUIRE(setns(own.get(), CLONE_NEWPID) == 0);
    REQUIRE(waitpid(parent, nullptr, 0) == parent);
    const std::string children =
        must(read_file("/proc/" + std::to_string(pause.pid) + "/task/" + std::to_string(pause.pid) + "/children"));
    REQUIRE_FALSE(children.empty());
    return std::stoi(children);
}

} // namespace

TEST_CASE("a pod's first process ends well when it is told to", "[root][pause]") {
    const int signal = GENERATE(SIGTERM, SIGINT);
    Pause first;
    REQUIRE(kill(first.pid, signal) == 0);
    const int status = first.status_at_end();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a pod's first process reaps what is left to it", "[root][pause]") {
    Pause first;
    const pid_t orphan = leave_orphan(first);
    REQUIRE(orphan > 1);
    CHECK(kill(orphan, 0) == 0);
    REQUIRE(kill(orphan, SIGKILL) == 0);
    while (kill(orphan, 0) == 0) { // a zombie counts as well; a test that hangs fails
        std::this_thread::sleep_for(1ms);
    }
    CHECK(first.sleeps());
}

TEST_CASE("a pod's first process is a static program of a few KiB", "[pause]") {
    const std::string program = must(read_file(BALLAST_PAUSE));
    CHECK(program.size() < 4096);
    CHECK_FALSE(program.contains("ld-linux"));
}
