// SPDX-License-Identifier: Apache-2.0
#include "base/subprocess.h"

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <fcntl.h>
#include <format>
#include <poll.h>
#include <sys/stat.h>
#include <thread>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// A sleep that only a hang or a missing kill lets run to its end.
constexpr auto kHang = 60s;

Command shell(const std::string &script) { return {.arguments = {"sh", "-c", script}}; }

// False for a zombie: whoever inherits it here may never reap.
bool runs(pid_t pid) {
    const Result<std::string> stat = read_file(std::format("/proc/{}/stat", pid));
    const std::size_t name_end = stat.has_value() ? stat->rfind(')') : std::string::npos;
    return name_end != std::string::npos && stat->at(name_end + 2) != 'Z' && stat->at(name_end + 2) != 'X';
}

bool ends_soon(pid_t pid) {
    const auto deadline = Clock::now() + 10s;
    while (runs(pid) && Clock::now() < deadline) {
        std::this_thread::sleep_for(10ms);
    }
    return !runs(pid);
}

pid_t pid_in(const fs::path &file) { return static_cast<pid_t>(std::stol(must(read_file(file)))); }

TEST_CASE("run captures both streams and the exit status", "[subprocess]") {
    const Completed completed = must(run(shell("echo out; echo err >&2; exit 3")));
    CHECK(completed.output == "out\n");
    CHECK(completed.errors == "err\n");
    CHECK(completed.status == 3);
    CHECK(must(run(shell("kill -TERM $$"))).status == 128 + SIGTERM);
}

TEST_CASE("arguments reach the program as they are: no shell reads them", "[subprocess]") {
    const Completed completed =
        must(run({.arguments = {"printf", "%s|", "a b", "$HOME", "", "it's \"quoted\"", "*", "new\nline"}}));
    CHECK(completed.output == "a b|$HOME||it's \"quoted\"|*|new\nline|");
}

TEST_CASE("describe gives what a person can paste into a shell", "[subprocess]") {
    const Command command{.arguments = {"printf", "%s|", "plain", "a b", "$HOME", "", "it's", "new\nline", "`id`"}};
    CHECK(command.describe().starts_with("printf "));
    CHECK(must(run(shell(command.describe()))).output == must(run(command)).output);

    Command everything = shell("printf %s \"$PLACE\"; pwd");
    everything.environment = {{"PLACE", "it's here: "}};
    everything.directory = "/usr";
    CHECK(must(run(shell(everything.describe()))).output == "it's here: /usr\n");
    CHECK(Command{}.describe().empty());
}

TEST_CASE("environment and directory are the command's", "[subprocess]") {
    Command command = shell("echo \"$BALLAST_TEST\"; test -n \"$PATH\" && pwd");
    command.environment = {{"BALLAST_TEST", "a=b c"}};
    command.directory = "/usr";
    CHECK(must(run_checked(command)) == "a=b c\n/usr\n");
}

TEST_CASE("the program is looked up in the PATH that it gets", "[subprocess]") {
    const auto directory = scratch();
    must(write_file(directory.path() / "ballast-tool", "#!/bin/sh\necho found\n", 0755));
    Command command{.arguments = {"ballast-tool"},
                    .environment = {{"PATH", "/nonexistent:" + directory.path().string()}}};
    CHECK(must(run_checked(command)) == "found\n");
    command.environment["PATH"] = "/nonexistent";
    CHECK(error_of(run(command)).code == ENOENT);
}

TEST_CASE("big output on both pipes does not block", "[subprocess]") {
    Command command = shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end; echo end >&2");
    command.timeout = kHang;
    const Completed completed = must(run(command));
    CHECK(completed.output.size() == 3'000'004);
    CHECK(completed.errors.size() == 3'000'004);
}

TEST_CASE("big input is read while output is written", "[subprocess]") {
    std::string input;
    for (int line = 0; line < 400'000; ++line) {
        input += std::to_string(line) + "\n";
    }
    Command command{.arguments = {"cat"}, .input = input, .timeout = kHang};
    CHECK(must(run(command)).output == input);
}

TEST_CASE("a program that does not read its input is no error", "[subprocess]") {
    const Command command{.arguments = {"true"}, .input = std::string(4 << 20, 'x'), .timeout = kHang};
    CHECK(must(run(command)).status == 0);
}

TEST_CASE("without input a program reads the end of the file at once", "[subprocess]") {
    CHECK(must(run({.arguments = {"cat"}, .timeout = kHang})).output.empty());
}

TEST_CASE("a missing program is one precise error from every function", "[subprocess]") {
    const Command command{.arguments = {"ballast-no-such-program", "--flag"}};
    for (const Error &error :
         {error_of(run(command)), error_of(run_checked(command)), error_of(Child::start(command))}) {
        CHECK(error.code == ENOENT);
        CHECK(error.message == "ballast-no-such-program: No such file or directory");
    }
    CHECK(error_of(run({.arguments = {"/nonexistent/program"}})).message ==
          "/nonexistent/program: No such file or directory");
}

TEST_CASE("a file that is not a program says so", "[subprocess]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "file";
    must(write_file(file, "#!/bin/sh\n", 0644));
    CHECK(error_of(run({.arguments = {file.string()}})).code == EACCES);
    // A PATH entry that may not be run does not hide one behind it.
    must(make_directories(directory.path() / "good"));
    must(write_file(directory.path() / "good/file", "#!/bin/sh\necho good\n", 0755));
    const std::string path = directory.path().string() + ":" + (directory.path() / "good").string();
    CHECK(must(run_checked({.arguments = {"file"}, .environment = {{"PATH", path}}})) == "good\n");
}

TEST_CASE("a missing directory or log is not taken for a missing program", "[subprocess]") {
    const Error directory = error_of(run({.arguments = {"true"}, .directory = "/nonexistent/place"}));
    CHECK(directory.code == ENOENT);
    CHECK(directory.message.starts_with("true: "));
    CHECK(directory.message.contains("/nonexistent/place"));
    const Error log = error_of(run({.arguments = {"true"}, .log = "/nonexistent/log"}));
    CHECK(log.message.starts_with("true: "));
    CHECK(log.message.contains("/nonexistent/log"));
}

TEST_CASE("what cannot be passed on is refused", "[subprocess]") {
    CHECK(error_of(run({})).code == EINVAL);
    CHECK(error_of(run({.arguments = {""}})).code == EINVAL);
    CHECK(error_of(run({.arguments = {"true", std::string("a\0b", 3)}})).code == EINVAL);
    CHECK(error_of(run({.arguments = {"true"}, .environment = {{"A=B", "c"}}})).code == EINVAL);
    CHECK(error_of(Child::start({.arguments = {"true"}, .timeout = 1s})).code == EINVAL);
}

TEST_CASE("run_checked tells status and last words", "[subprocess]") {
    CHECK(must(run_checked(shell("echo fine; echo noise >&2"))) == "fine\n");
    const Error error = error_of(run_checked(shell("for i in 1 2 3 4 5 6 7 8 9; do echo line$i >&2; done; exit 7")));
    CHECK(error.code == EIO);
    CHECK(error.message.starts_with("sh: "));
    CHECK(error.message.contains("status 7"));
    CHECK(error.message.contains("line9"));
    CHECK_FALSE(error.message.contains("line1"));
    CHECK_FALSE(error.message.contains('\n')); // one message, one line
    CHECK(error_of(run_checked(shell("kill -KILL $$"))).message.contains("Killed"));
    const Error silent = error_of(run_checked({.arguments = {"false"}}));
    CHECK(silent.message == "false: exit status 1");
    // One endless line is cut to something that a person can read.
    CHECK(error_of(run_checked(shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1"))).message.size() < 10'000);
}

TEST_CASE("a log is appended to, and its last lines of this run end up in the error", "[subprocess]") {
    const auto directory = scratch();
    const fs::path log = directory.path() / "log";
    must(write_file(log, "of an earlier program\n"));
    Command command = shell("echo captured; echo to the log >&2");
    command.log = log;
    CHECK(must(run(command)).output == "captured\n");
    CHECK(must(read_file(log)) == "of an earlier program\nto the log\n");

    command = shell("echo the reason >&2; exit 1");
    command.log = log;
    const Error error = error_of(run_checked(command));
    CHECK(error.message.contains("the reason"));
    CHECK(error.message.contains(log.string()));
    CHECK_FALSE(error.message.contains("earlier"));
}

TEST_CASE("a timeout kills the whole process group", "[subprocess]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "pid";
    // The grandchild holds the pipes open: killing the shell alone would leave us reading until it ends.
    Command command = shell(std::format("sleep 300 & echo $! > {}; echo before; wait", file.string()));
    command.timeout = 1500ms;
    const auto start = Clock::now();
    const Error error = error_of(run(command));
    CHECK(Clock::now() - start >= 1500ms);
    CHECK(Clock::now() - start < kHang);
    CHECK(error.code == ETIMEDOUT);
    CHECK(error.message.starts_with("sh: "));
    CHECK(ends_soon(pid_in(file)));
}

TEST_CASE("a program that ends in time is not touched by its timeout", "[subprocess]") {
    Command command = shell("sleep 0.1; echo done");
    command.timeout = kHang;
    const auto start = Clock::now();
    CHECK(must(run_checked(command)) == "done\n");
    CHECK(Clock::now() - start < kHang);
}

TEST_CASE("what a program leaves running in its group ends with it", "[subprocess]") {
    const auto start = Clock::now();
    const Completed completed = must(run(shell("sleep 300 & echo $!")));
    CHECK(Clock::now() - start < kHang); // though the sleep held our pipe
    CHECK(ends_soon(static_cast<pid_t>(std::stol(completed.output))));
}

TEST_CASE("a daemon lives on, and its open stdout keeps nobody waiting", "[subprocess]") {
    const auto directory = scratch();
    const std::string file = (directory.path() / "pid").string();
    const auto start = Clock::now();
    const Completed completed = must(run(shell(std::format(
        "setsid sh -c 'echo $$ > {0}; exec sleep 300' & while ! [ -s {0} ]; do sleep 0.01; done; echo up", file))));
    CHECK(Clock::now() - start < kHang);
    CHECK(completed.output == "up\n");
    const pid_t daemon = pid_in(file);
    CHECK(runs(daemon));
    REQUIRE(::kill(daemon, SIGKILL) == 0);
    CHECK(ends_soon(daemon));
}

TEST_CASE("a program starts with default signals, none blocked", "[subprocess]") {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    sigset_t term;
    sigset_t mask;
    REQUIRE(::sigemptyset(&term) == 0);
    REQUIRE(::sigaddset(&term, SIGTERM) == 0);
    REQUIRE(::pthread_sigmask(SIG_BLOCK, &term, &mask) == 0);
    const Result<Completed> pipe = run(shell("kill -PIPE $$; sleep 5"));
    const Result<Completed> terminated = run(shell("kill -TERM $$; sleep 5"));
    REQUIRE(::pthread_sigmask(SIG_SETMASK, &mask, nullptr) == 0);
    (void)std::signal(SIGPIPE, before);
    CHECK(must(pipe).status == 128 + SIGPIPE);
    CHECK(must(terminated).status == 128 + SIGTERM);
}

TEST_CASE("a program inherits no descriptor but its three", "[subprocess]") {
    const Fd null = must(open_file("/dev/null", O_RDONLY));
    const Fd leaky(::fcntl(null.get(), F_DUPFD, 100)); // without close-on-exec, as a careless library would
    REQUIRE(leaky.is_open());
    CHECK(must(run(shell(std::format("test -e /proc/$$/fd/2 && test ! -e /proc/$$/fd/{}", leaky.get())))).status == 0);
}

TEST_CASE("run works in a process whose own streams are closed", "[subprocess]") {
    const pid_t child = ::fork();
    if (child == 0) {
        for (int stream = 0; stream < 3; ++stream) {
            (void)::close(stream);
        }
        Command command = shell("cat; echo err >&2");
        command.input = "in";
        const Result<Completed> completed = run(command);
        ::_exit(completed.has_value() && completed->output == "in" && completed->errors == "err\n" ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("several threads run programs at once", "[subprocess]") {
    std::vector<std::thread> threads;
    std::vector<std::string> outputs(8);
    for (std::size_t number = 0; number < outputs.size(); ++number) {
        threads.emplace_back([&, number] {
            const Command command{.arguments = {"cat"}, .input = std::to_string(number)};
            outputs[number] = run_checked(command).value_or("failed");
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (std::size_t number = 0; number < outputs.size(); ++number) {
        CHECK(outputs[number] == std::to_string(number));
    }
}

TEST_CASE("a child runs beside us until it is asked to end", "[subprocess]") {
    const auto directory = scratch();
    const fs::path log = directory.path() / "log";
    Command command = shell("cat; echo err >&2; exec sleep 300");
    command.input = "input\n";
    command.log = log;
    Child child = must(Child::start(command));
    REQUIRE(runs(child.pid()));
    CHECK(::getpgid(child.pid()) == child.pid()); // Ctrl-C reaches us and not it
    CHECK(error_of(child.wait(300ms)).code == ETIMEDOUT);
    pollfd watched = {child.pidfd().get(), POLLIN, 0};
    CHECK(::poll(&watched, 1, 0) == 0);
    must(child.signal(SIGTERM));
    CHECK(::poll(&watched, 1, 10'000) == 1);
    CHECK(must(child.wait(10s)) == 128 + SIGTERM);
    CHECK(must(child.wait()) == 128 + SIGTERM); // asked again, says the same
    CHECK(error_of(child.signal(SIGTERM)).code == ESRCH);
    CHECK(must(read_file(log)) == "input\nerr\n");
}

TEST_CASE("a child that goes out of scope takes its process group with it", "[subprocess]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "pid";
    pid_t pid = 0;
    {
        Child child = must(
            Child::start(shell(std::format("sleep 300 & echo $! > {0}.new; mv {0}.new {0}; wait", file.string()))));
        pid = child.pid();
        for (int i = 0; i < 1000 && !fs::exists(file); ++i) {
            std::this_thread::sleep_for(10ms);
        }
        const Child moved = std::move(child);
        CHECK(moved.pid() == pid);
        CHECK(runs(pid));
    }
    CHECK_FALSE(runs(pid));
    CHECK(ends_soon(pid_in(file)));
    CHECK(::waitpid(pid, nullptr, WNOHANG) == -1); // reaped: no zombie is left
}

TEST_CASE("assigning a child ends the one that was there", "[subprocess]") {
    Child first = must(Child::start({.arguments = {"sleep", "300"}}));
    const pid_t old = first.pid();
    first = must(Child::start({.arguments = {"sleep", "300"}}));
    CHECK(first.pid() != old);
    CHECK_FALSE(runs(old));
    CHECK(runs(first.pid()));
}

TEST_CASE("children die with a parent that was killed", "[subprocess]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "pid";
    const pid_t parent = ::fork();
    if (parent == 0) {
        const Result<Child> child = Child::start({.arguments = {"sleep", "300"}});
        if (child.has_value()) {
            (void)write_file(file, std::to_string(child->pid()));
        }
        (void)::kill(::getpid(), SIGKILL); // no destructor runs
    }
    int status = 0;
    REQUIRE(::waitpid(parent, &status, 0) == parent);
    CHECK(ends_soon(pid_in(file)));
}

} // namespace
} // namespace ballast

TEST_CASE("a program that prints without end is killed when its output has a limit", "[subprocess]") {
    const ballast::Error error = ballast::error_of(ballast::run({.arguments = {"yes"}, .most_output = 100'000}));
    CHECK(error.code == EFBIG);
    CHECK(error.message == "yes: printed more than 100000 bytes, killed");
    CHECK(ballast::must(ballast::run({.arguments = {"echo", "x"}, .most_output = 2})).output == "x\n");
}
