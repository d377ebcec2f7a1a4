// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/hooks.h"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/unit/check.h"

namespace ballast::container {
namespace {

namespace fs = std::filesystem;

oci::Hook shell(const std::string &script) {
    return {.path = "/bin/sh", .args = {"sh", "-c", script}, .env = {}, .timeout = std::nullopt};
}

std::string content(const fs::path &file) { return must(read_file(file)); }

// Dead; where the tests are the first process of their namespace nobody has waited for it yet.
bool is_gone(pid_t pid) {
    for (int tries = 0; tries < 200; tries++) {
        const Result<std::string> status = read_file("/proc/" + std::to_string(pid) + "/stat");
        if (!status || status->contains(") Z ")) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

TEST_CASE("every hook gets the whole state on its stdin, in order", "[hooks]") {
    const TemporaryDirectory directory = scratch();
    const std::string out = (directory.path() / "out").string();
    const std::string state = "{\"id\":\"" + std::string(200000, 'x') + "\"}";
    must(run_hooks("prestart", {shell("cat >" + out + "1"), shell("cat " + out + "1 - >" + out + "2")}, state));
    CHECK(content(out + "1") == state);
    CHECK(content(out + "2") == state + state);
}

TEST_CASE("a hook that reads nothing is no error", "[hooks]") {
    must(run_hooks("poststop", {shell("exit 0"), {.path = "/bin/true", .args = {}, .env = {}, .timeout = {}}},
                   std::string(1 << 20, 'x')));
    must(run_hooks("poststop", {}, "{}"));
}

TEST_CASE("arguments and environment are as given, and nothing of ours", "[hooks]") {
    const TemporaryDirectory directory = scratch();
    const std::string out = (directory.path() / "out").string();
    REQUIRE(setenv("BALLAST_LEAK", "1", 1) == 0);
    oci::Hook hook{.path = "/usr/bin/env",
                   .args = {"other name", "sh", "-c", "env >" + out + "; echo \"$0\" >>" + out},
                   .env = {"PATH=/usr/bin:/bin", "A=b c"},
                   .timeout = std::nullopt};
    must(run_hooks("prestart", {hook}, "{}"));
    const std::string said = content(out);
    CHECK(said.contains("A=b c\n"));
    CHECK_FALSE(said.contains("BALLAST_LEAK"));
    hook = {.path = "/bin/sh",
            .args = {"argv0", "-c", "tr '\\0' '\\n' </proc/$$/cmdline >" + out},
            .env = {},
            .timeout = std::nullopt};
    must(run_hooks("prestart", {hook}, "{}"));
    CHECK(content(out).starts_with("argv0\n-c\n"));
}

TEST_CASE("the first failure ends it, with the place, the status and the end of stderr", "[hooks]") {
    const TemporaryDirectory directory = scratch();
    const std::string out = (directory.path() / "out").string();
    const Error error = error_of(
        run_hooks("createRuntime",
                  {shell("exit 0"), shell("echo dropped; echo no $1 >&2; exit 3"), shell("echo >" + out)}, "{}"));
    CHECK(error.message == "hooks.createRuntime[1] \"/bin/sh\": exit status 3: no");
    CHECK(error.code == EIO);
    CHECK_FALSE(fs::exists(out));
    CHECK(error_of(run_hooks("poststart", {shell("kill -9 $$")}, "{}")).message ==
          "hooks.poststart[0] \"/bin/sh\": killed by signal 9 (Killed)");
}

TEST_CASE("of much output only the end is kept, and it cannot steer a terminal", "[hooks]") {
    const Error error =
        error_of(run_hooks("prestart",
                           {shell("i=0; while [ $i -lt 9000 ]; do echo 'line of noise' >&2; i=$((i+1)); done; "
                                  "printf 'last\\033[2J' >&2; exit 1")},
                           "{}"));
    CHECK(error.message.size() < 6000);
    CHECK(error.message.ends_with("last\\x1b[2J"));
}

TEST_CASE("a program that cannot be run says why", "[hooks]") {
    const Error missing =
        error_of(run_hooks("prestart", {{.path = "/no/such", .args = {}, .env = {}, .timeout = {}}}, "{}"));
    CHECK(missing.message == "hooks.prestart[0] \"/no/such\": exit status 127: execute: No such file or directory");
    CHECK(error_of(run_hooks("prestart", {{.path = "/etc", .args = {}, .env = {}, .timeout = {}}}, "{}"))
              .message.contains("Permission denied"));
}

TEST_CASE("a hook over its time is killed with all it started", "[hooks]") {
    const TemporaryDirectory directory = scratch();
    const std::string out = (directory.path() / "pid").string();
    oci::Hook hook = shell("echo trying >&2; sleep 100 & echo $! >" + out + "; wait");
    hook.timeout = 1;
    const auto start = std::chrono::steady_clock::now();
    const Error error = error_of(run_hooks("prestart", {hook}, "{}"));
    CHECK(error.code == ETIMEDOUT);
    CHECK(error.message == "hooks.prestart[0] \"/bin/sh\": killed after 1 s: trying");
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
    CHECK(is_gone(std::stoi(content(out))));
}

TEST_CASE("a hook that floods its stderr is over its time as well", "[hooks]") {
    oci::Hook hook = shell("while :; do echo noise >&2; done");
    hook.timeout = 1;
    CHECK(error_of(run_hooks("prestart", {hook}, "{}")).code == ETIMEDOUT);
}

TEST_CASE("a hook ends when it ends, not when what it left behind does", "[hooks]") {
    const TemporaryDirectory directory = scratch();
    const std::string out = (directory.path() / "pid").string();
    const auto start = std::chrono::steady_clock::now();
    must(run_hooks("prestart", {shell("sleep 60 & echo $! >" + out + "; exit 0")}, "{}"));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    const pid_t left = std::stoi(content(out));
    CHECK(kill(left, 0) == 0);
    kill(left, SIGKILL);
}

TEST_CASE("no descriptor, blocked signal or ignored signal of ours reaches a hook", "[hooks]") {
    const TemporaryDirectory directory = scratch();
    const std::string out = (directory.path() / "out").string();
    constexpr int kLeak = 50; // not close-on-exec; the shell has numbers of its own below
    REQUIRE(dup2(STDOUT_FILENO, kLeak) == kLeak);
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    REQUIRE(sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
    const auto handler = signal(SIGPIPE, SIG_IGN);
    // grep's own signals, which it has from the shell: the shell itself blocks all while it starts grep.
    const Status status = run_hooks(
        "prestart", {shell("ls /proc/$$/fd >" + out + "; grep -E '^Sig(Blk|Ign)' /proc/self/status >>" + out)}, "{}");
    signal(SIGPIPE, handler);
    REQUIRE(sigprocmask(SIG_SETMASK, &before, nullptr) == 0);
    close(kLeak);
    must(status);
    const std::string said = content(out);
    INFO(said);
    CHECK(said.starts_with("0\n1\n"));
    CHECK_FALSE(said.contains("\n50\n"));
    CHECK(said.contains("SigBlk:\t0000000000000000\n"));
    CHECK(said.contains("SigIgn:\t0000000000000000\n"));
}

TEST_CASE("we keep no descriptor and no child", "[hooks]") {
    const auto open_now = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), {}); };
    while (waitpid(-1, nullptr, WNOHANG) > 0) { // what the hooks of other tests left
    }
    const auto before = open_now();
    must(run_hooks("prestart", {shell("exit 0"), shell("exit 0")}, "{}"));
    CHECK_FALSE(run_hooks("prestart", {shell("exit 1")}, "{}").has_value());
    CHECK(open_now() == before);
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
}

} // namespace
} // namespace ballast::container
