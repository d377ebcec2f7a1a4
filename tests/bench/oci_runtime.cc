// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/oci_runtime.h"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::bench {
namespace {

using std::chrono::steady_clock;
using Strings = std::vector<std::string>;

constexpr int kMostMilliseconds = 60'000;

std::string text_of(const Strings &command) {
    std::string text;
    for (const std::string &word : command) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

// Shares our memory until exec (vfork), so that our size costs nothing.
Result<pid_t> spawn(const Strings &command, BorrowedFd null, BorrowedFd errors) {
    std::vector<char *> arguments;
    for (const std::string &word : command) {
        arguments.push_back(const_cast<char *>(word.c_str())); // NOLINT: posix_spawn wants it so and changes nothing
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, null.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, null.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, errors.get(), 2);
    pid_t child = -1;
    const int code = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0) {
        return fail_errno(command.front(), code);
    }
    return child;
}

// Of a process that hangs there is an error, and no process any more.
Result<int> wait_for(pid_t process) {
    const Fd handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    pollfd watched{handle.get(), POLLIN, 0};
    if (handle.is_open() && poll(&watched, 1, kMostMilliseconds) == 0) {
        kill(process, SIGKILL);
        (void)waitpid(process, nullptr, 0);
        return fail(ETIMEDOUT, "it hangs");
    }
    int status = 0;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return fail_errno("wait for process " + std::to_string(process));
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Strays of runtimes that fork twice: theirs until they are gone, then ours. A PID namespace does not end before all of
// its processes are waited for.
void reap_strays() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

} // namespace

Status become_subreaper() {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        return fail_errno("become a subreaper");
    }
    return {};
}

Result<Runtime> Runtime::make(std::string name, Strings command, const std::filesystem::path &state,
                              const Bundles &bundles) {
    Runtime runtime;
    runtime.pid_file_ = state / (name + ".pid");
    runtime.prefix_ = std::move(command);
    runtime.prefix_.insert(runtime.prefix_.end(), {"--root", state / name});
    runtime.name_ = std::move(name);
    runtime.bundles_ = bundles;
    runtime.null_ = TRY(open_file("/dev/null", O_RDWR));
    runtime.errors_ = Fd(memfd_create("errors", MFD_CLOEXEC));
    if (!runtime.errors_.is_open()) {
        return fail_errno("memfd_create");
    }
    TRY(make_directories(state / runtime.name_, 0700));
    return runtime;
}

Runtime::~Runtime() {
    if (standing_ != nullptr) {
        (void)timed(command({"delete", "--force", "standing"})); // whatever it left running is ended here
        kill(*standing_, SIGKILL);
        reap_strays();
        (void)wait_for(*standing_);
    }
}

Strings Runtime::command(std::initializer_list<std::string> arguments) const {
    Strings words = prefix_;
    words.insert(words.end(), arguments);
    return words;
}

std::string Runtime::next_id() { return "bench-" + std::to_string(++count_); }

Strings Runtime::run_command() { return command({"run", "--bundle", bundles_.once, next_id()}); }

Strings Runtime::exec_command() const { return command({"exec", "standing", "/payload"}); }

Result<double> Runtime::timed(const Strings &words) const {
    const auto start = steady_clock::now();
    const int status = TRY(wait_for(TRY(spawn(words, null_, errors_))).within(text_of(words)));
    const std::chrono::duration<double, std::milli> passed = steady_clock::now() - start;
    if (status != 0) {
        (void)lseek(errors_.get(), 0, SEEK_SET);
        const Result<std::string> said = read_all(errors_, "errors");
        return fail(EIO, text_of(words) + ": status " + std::to_string(status) + ": " + said.value_or(""));
    }
    return passed.count();
}

Result<pid_t> Runtime::read_pid() const {
    const std::string text = TRY(read_file(pid_file_));
    const pid_t pid = std::atoi(text.c_str());
    return pid > 1 ? Result<pid_t>(pid) : fail(EINVAL, pid_file_.string() + " holds no process id");
}

Status Runtime::start_standing() {
    (void)TRY(timed(command({"run", "--detach", "--bundle", bundles_.standing, "--pid-file", pid_file_, "standing"})));
    standing_ = std::make_unique<pid_t>(TRY(read_pid()));
    return {};
}

Status Runtime::time_run(Samples &samples) {
    reap_strays();
    samples["run"].push_back(TRY(timed(run_command())));
    return {};
}

Status Runtime::time_life(Samples &samples) {
    const std::string id = next_id();
    samples["create"].push_back(
        TRY(timed(command({"create", "--bundle", bundles_.once, "--pid-file", pid_file_, id}))));
    const pid_t process = TRY(read_pid());
    samples["start"].push_back(TRY(timed(command({"start", id}))));
    const int status = TRY(wait_for(process));
    samples["delete"].push_back(TRY(timed(command({"delete", id}))));
    return status == 0 ? Status() : fail(EIO, name_ + ": the container's status is " + std::to_string(status));
}

Status Runtime::time_exec(Samples &samples) {
    samples["exec"].push_back(TRY(timed(exec_command())));
    return {};
}

} // namespace ballast::bench
