// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// Running other programs: no shell in between, close-on-exec everywhere, default signal dispositions, children die with
// us. A program leads a process group of its own, so Ctrl-C on the terminal reaches us and not it; the kernel kills it
// (PR_SET_PDEATHSIG) when the thread that started it ends, so that thread must outlive it. What a program leaves
// running in its group is killed when it ends; what made itself a daemon (setsid) lives on.
//
// "mke2fs: No such file or directory": the program, its directory or its log cannot be had, from all three functions.
namespace ballast {

struct Command {
    std::vector<std::string> arguments = {};             // arguments[0] is looked up in PATH
    std::map<std::string, std::string> environment = {}; // added to ours
    std::filesystem::path directory = {};                // empty: ours
    std::string input = {};                              // what the child reads on stdin, then end of file
    std::filesystem::path log = {};                      // stdout and stderr are appended here; empty: see the function
    std::optional<std::chrono::milliseconds> timeout = {}; // SIGKILL to the child's process group after this; ETIMEDOUT
    std::optional<std::size_t> most_output =
        {}; // bytes captured of stdout, and of stderr: with more it is killed; EFBIG

    // The command as a person would type it, quoted for a shell.
    std::string describe() const;
};

struct Completed {
    int status = 0;     // exit code, or 128 + signal number
    std::string output; // stdout, when captured
    std::string errors; // stderr, when captured
};

// Runs to the end and captures stdout and stderr (stderr goes to `log` when it is set). A non-zero exit is not an error
// here. Ends with the program, even when a daemon that it started holds its stdout open.
Result<Completed> run(const Command &command);

// As run(), but a non-zero exit is an error with the program's name, its status and the last lines of its stderr
// (or of `log`), code EIO. Returns stdout.
Result<std::string> run_checked(const Command &command);

// A program left running. Killed (SIGKILL, whole process group) and reaped on destruction.
class Child {
  public:
    // stdin is /dev/null unless `input` is set; stdout and stderr go to `log`, or to ours when that is empty.
    static Result<Child> start(const Command &command);
    Child(Child &&other) noexcept;
    Child &operator=(Child &&other) noexcept;
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;
    ~Child();

    pid_t pid() const { return pid_; }
    BorrowedFd pidfd() const { return BorrowedFd(pidfd_.get()); } // readable once the child has ended
    Status signal(int number); // to the program itself, not its group; ESRCH once waited for
    // Exit code or 128 + signal, once it has ended; ETIMEDOUT when it still runs after `timeout`.
    Result<int> wait(std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  private:
    friend Result<Completed> run(const Command &command);
    struct Streams;
    static Result<Child> spawn(const Command &command, const Streams &streams);
    void kill_group() const;
    Status reap();

    Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
    pid_t pid_ = -1; // -1 once reaped
    Fd pidfd_;
    int status_ = 0;
};

} // namespace ballast
