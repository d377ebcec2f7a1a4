// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/hooks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/container/other_namespaces.h"
#include "runtime/isolate/descriptors.h"
#include "runtime/isolate/signals.h"
#include "runtime/isolate/words.h"

namespace ballast::container {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kOutputKept = 4096;
constexpr std::size_t kOutputAfterEnd = 1U << 16; // a pipe holds no more, unless something still writes
constexpr int kCannotRun = 127;

// What a hook needs, made before the fork: the child allocates nothing.
struct Launch {
    const char *path = nullptr;
    isolate::Words args;
    isolate::Words env;
    int stdin_fd = -1;
    int stdout_fd = -1;
    int stderr_fd = -1;
    int inside = -1;                 // pidfd
    int root_inside = -1;            // the root directory of that process
    int namespaces = 0;              // CLONE_NEW* to join; 0: none
    int runtime = -1;                // pidfd of ours
    int report = -1;                 // a pipe, for the id of the process that is the hook when it is not the first
    const char *directory = nullptr; // ours, by name: where hooks inside run as well, if it is there
};

// "/" where it has no name any more.
std::string current_directory() {
    std::array<char, PATH_MAX> name{};
    return getcwd(name.data(), name.size()) == nullptr ? "/" : name.data();
}

[[noreturn]] void give_up(const char *what) {
    const char *reason = strerrordesc_np(errno);
    for (const char *part : {what, ": ", reason == nullptr ? "unknown error" : reason}) {
        if (write(STDERR_FILENO, part, std::strlen(part)) < 0) {
            break; // the exit status has to do
        }
    }
    _exit(kCannotRun);
}

[[noreturn]] void execute(const Launch &launch) {
    if (isolate::close_on_exec_from(STDERR_FILENO + 1).failed()) {
        give_up("close descriptors");
    }
    if (isolate::reset_signals().failed()) {
        give_up("reset signals");
    }
    execve(launch.path, launch.args.pointers(), launch.env.pointers());
    give_up("execute");
}

void die_with(const Launch &launch) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        give_up("set the parent death signal");
    }
    pollfd ended{.fd = launch.runtime, .events = POLLIN, .revents = 0};
    if (poll(&ended, 1, 0) != 0) {
        _exit(kCannotRun); // it died before that took effect
    }
}

void lead_a_group() {
    if (setpgid(0, 0) != 0) {
        give_up("make a process group");
    }
}

// A process is in a pid namespace from its birth on, so the hook is one more. It is a child of the runtime's like us: a
// child of ours that outlived us would be the host's init to reap, and no pid namespace ends before all in it are.
[[noreturn]] void execute_as_sibling(const Launch &launch) {
    const auto sibling = static_cast<pid_t>(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
    if (sibling < 0) {
        give_up("fork");
    }
    if (sibling == 0) {
        die_with(launch);
        lead_a_group();
        execute(launch);
    }
    // An unheard id: the runtime is gone, and so is the sibling.
    _exit(write(launch.report, &sibling, sizeof sibling) == sizeof sibling ? 0 : kCannotRun);
}

void join(const Launch &launch) {
    if (setns(launch.inside, launch.namespaces) != 0) {
        give_up("join the container's namespaces");
    }
    // setns(2) into a mount namespace goes to its root, but the container may still be in a root that the runtime was
    // given (chroot(2)): paths of hooks are meant from there.
    if ((launch.namespaces & CLONE_NEWNS) != 0) {
        if (fchdir(launch.root_inside) != 0 || chroot(".") != 0) {
            give_up("change to the container's root");
        }
        if (chdir(launch.directory) != 0 && chdir("/") != 0) {
            give_up("change to the container's root");
        }
    }
    if ((launch.namespaces & CLONE_NEWUSER) != 0) {
        // In there we are nobody yet. The caller's groups stay where a map forbids setgroups(2) (EPERM).
        if ((setgroups(0, nullptr) != 0 && errno != EPERM) || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0) {
            give_up("become root of the container's user namespace");
        }
        die_with(launch); // a change of user clears it
    }
    if ((launch.namespaces & CLONE_NEWPID) != 0) {
        execute_as_sibling(launch);
    }
}

[[noreturn]] void run_child(const Launch &launch) {
    // Ours are close-on-exec; dup2(2) clears that, but not on a descriptor that is in its place already.
    for (const auto &[from, to] : {std::pair(launch.stderr_fd, STDERR_FILENO), std::pair(launch.stdin_fd, STDIN_FILENO),
                                   std::pair(launch.stdout_fd, STDOUT_FILENO)}) {
        if (dup2(from, to) < 0) {
            give_up("set up the standard streams");
        }
    }
    die_with(launch);
    lead_a_group();
    if (launch.namespaces != 0) {
        join(launch);
    }
    execute(launch);
}

// The end of a stream of any length.
class Tail {
  public:
    // False at the end of file, or when there is nothing now.
    bool read_some(BorrowedFd fd) {
        std::array<char, kOutputKept> block{};
        const ssize_t got = ::read(fd.get(), block.data(), block.size());
        if (got <= 0) {
            return got < 0 && errno == EINTR;
        }
        text_.append(block.data(), static_cast<std::size_t>(got));
        if (text_.size() > kOutputKept) {
            text_.erase(0, text_.size() - kOutputKept);
        }
        total_ += static_cast<std::size_t>(got);
        return true;
    }
    std::size_t total() const { return total_; }
    std::string_view text() const {
        const std::size_t last = text_.find_last_not_of(" \t\r\n");
        return std::string_view(text_).substr(0, last == std::string::npos ? 0 : last + 1);
    }

  private:
    std::string text_;
    std::size_t total_ = 0;
};

// Killed and waited for, unless it was waited for.
class Running {
  public:
    explicit Running(pid_t pid) : pid_(pid) {}
    Running(const Running &) = delete;
    Running &operator=(const Running &) = delete;
    ~Running() { kill_group(); }

    void kill_group() {
        if (pid_ > 0) {
            (void)::kill(-pid_, SIGKILL); // ESRCH before it made its group; then:
            (void)::kill(pid_, SIGKILL);  // it cannot be anybody else's before we waited for it
            (void)wait();
        }
    }
    // The first process made the one that is the hook, and is done.
    void goes_on_as(pid_t pid) {
        (void)wait();
        pid_ = pid;
    }
    pid_t pid() const { return pid_; }
    Result<int> wait() {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0) {
            if (errno != EINTR) {
                return fail_errno("wait");
            }
        }
        pid_ = -1;
        return status;
    }

  private:
    pid_t pid_;
};

// What execute_as_sibling() says; nothing when there is none, and the first process's end says why.
std::optional<pid_t> reported(BorrowedFd pipe) {
    pid_t pid = -1;
    ssize_t got = 0;
    do {
        got = ::read(pipe.get(), &pid, sizeof pid);
    } while (got < 0 && errno == EINTR);
    return got == sizeof pid ? std::optional(pid) : std::nullopt;
}

int milliseconds_until(const std::optional<Clock::time_point> &deadline) {
    if (!deadline) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
    return left <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left, INT32_MAX));
}

// Until the process has ended, reading what it writes. ETIMEDOUT.
Status follow(BorrowedFd pidfd, BorrowedFd errors, std::optional<int> timeout, Tail &tail) {
    std::optional<Clock::time_point> deadline;
    if (timeout) {
        deadline = Clock::now() + std::chrono::seconds(*timeout);
    }
    std::array<pollfd, 2> events = {pollfd{.fd = pidfd.get(), .events = POLLIN, .revents = 0},
                                    pollfd{.fd = errors.get(), .events = POLLIN, .revents = 0}};
    for (;;) {
        const int ready = poll(events.data(), events.size(), milliseconds_until(deadline));
        if (ready < 0 && errno != EINTR) {
            return fail_errno("poll");
        }
        // A hook that never stops writing is over its time, too.
        if (ready <= 0 || (deadline && Clock::now() >= *deadline && events[0].revents == 0)) {
            if (ready >= 0 && milliseconds_until(deadline) == 0) {
                return fail(ETIMEDOUT, "killed after " + std::to_string(*timeout) + " s");
            }
            continue;
        }
        if (events[1].revents != 0 && !tail.read_some(errors)) {
            events[1].fd = -1; // closed its stderr; its end is still to come
        }
        if (events[0].revents != 0) {
            break;
        }
    }
    // What it left running may hold the pipe open: what is there now is all that we want.
    const std::size_t before = tail.total();
    while (events[1].fd >= 0 && tail.total() - before < kOutputAfterEnd && tail.read_some(errors)) {
    }
    return {};
}

Status check_end(int status) {
    if (WIFSIGNALED(status)) {
        const char *name = sigdescr_np(WTERMSIG(status));
        return fail(EIO, "killed by signal " + std::to_string(WTERMSIG(status)) +
                             (name == nullptr ? "" : std::string(" (") + name + ")"));
    }
    return WEXITSTATUS(status) == 0 ? Status() : fail(EIO, "exit status " + std::to_string(WEXITSTATUS(status)));
}

std::string with_output(const std::string &message, const Tail &tail) {
    return tail.text().empty() ? message : message + ": " + escaped(tail.text());
}

Status run_hook(const oci::Hook &hook, Launch &launch) {
    launch.path = hook.path.c_str();
    launch.args = isolate::Words(hook.args.empty() ? std::vector{hook.path} : hook.args);
    launch.args.freeze();
    launch.env = isolate::Words(hook.env);
    launch.env.freeze();
    if (lseek(launch.stdin_fd, 0, SEEK_SET) != 0) {
        return fail_errno("rewind the state");
    }
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return fail_errno("pipe");
    }
    const Fd errors(ends[0]);
    Fd writer(ends[1]);
    // The hook's end waits like any other stderr.
    if (fcntl(writer.get(), F_SETFL, O_WRONLY) != 0) {
        return fail_errno("pipe");
    }
    launch.stderr_fd = writer.get();
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("pipe");
    }
    const Fd report(ends[0]);
    Fd reporter(ends[1]);
    launch.report = reporter.get();
    const pid_t pid = fork();
    if (pid < 0) {
        return fail_errno("fork");
    }
    if (pid == 0) {
        run_child(launch);
    }
    Running running(pid);
    writer.close();
    reporter.close();
    if ((launch.namespaces & CLONE_NEWPID) != 0) {
        if (const std::optional<pid_t> sibling = reported(report)) {
            running.goes_on_as(*sibling);
        }
    }
    const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, running.pid(), 0)));
    if (!pidfd.is_open()) {
        return fail_errno("pidfd_open");
    }
    Tail tail;
    Status ended = follow(pidfd, errors, hook.timeout, tail);
    if (!ended) {
        return fail(ended.error().code, with_output(ended.error().message, tail));
    }
    ended = check_end(TRY(running.wait()));
    return ended ? ended : fail(ended.error().code, with_output(ended.error().message, tail));
}

// A file rather than a pipe: a hook need not read it, and it may be of any length.
Result<Fd> state_file(const std::string &state) {
    Fd file(memfd_create("state.json", MFD_CLOEXEC | MFD_NOEXEC_SEAL)); // which allows sealing
    if (!file.is_open() && errno == EINVAL) {                           // before Linux 6.3
        file = Fd(memfd_create("state.json", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    }
    if (!file.is_open()) {
        return fail_errno("memfd_create");
    }
    TRY(write_all(file, state));
    // The next hook gets what this one got.
    if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
        return fail_errno("seal the state");
    }
    return file;
}

Status run_all(const std::string &kind, const std::vector<oci::Hook> &hooks, const std::string &state, Launch &launch) {
    const Fd input = TRY(state_file(state));
    const Fd sink = TRY(open_file("/dev/null", O_WRONLY));
    // Above the standard streams, or putting them in place would overwrite one of them.
    if (input.get() <= STDERR_FILENO || sink.get() <= STDERR_FILENO) {
        return fail(EBADF, "a standard stream of the runtime is closed");
    }
    launch.stdin_fd = input.get();
    launch.stdout_fd = sink.get();
    const Fd runtime(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
    if (!runtime.is_open()) {
        return fail_errno("pidfd_open");
    }
    launch.runtime = runtime.get();
    for (std::size_t i = 0; i < hooks.size(); i++) {
        TRY(run_hook(hooks[i], launch).within("hooks." + kind + "[" + std::to_string(i) + "] " + quote(hooks[i].path)));
    }
    return {};
}

} // namespace

Status run_hooks(const std::string &kind, const std::vector<oci::Hook> &hooks, const std::string &state) {
    if (hooks.empty()) {
        return {};
    }
    Launch launch;
    return run_all(kind, hooks, state, launch);
}

Status run_hooks_inside(const std::string &kind, const std::vector<oci::Hook> &hooks, const std::string &state,
                        BorrowedFd inside) {
    if (hooks.empty()) {
        return {};
    }
    Launch launch;
    launch.inside = inside.get();
    launch.namespaces = TRY(other_namespaces(inside).within("hooks." + kind));
    const Fd root = TRY(root_of(inside).within("hooks." + kind));
    launch.root_inside = root.get();
    const std::string directory = current_directory();
    launch.directory = directory.c_str();
    return run_all(kind, hooks, state, launch);
}

} // namespace ballast::container
