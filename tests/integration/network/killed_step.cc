// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/killed_step.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <set>
#include <string>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ballast::testing {
namespace {

constexpr int kKilled = 10, kNotTraced = 11;     // exit statuses of the tracer
constexpr int kEverySystemCall = SIGTRAP | 0x80; // PTRACE_O_TRACESYSGOOD
constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;

constexpr std::array<long, 18> kChanges = {SYS_rename,  SYS_renameat, SYS_renameat2, SYS_unlink,  SYS_unlinkat,
                                           SYS_mkdir,   SYS_mkdirat,  SYS_write,     SYS_fsync,   SYS_sendto,
                                           SYS_sendmsg, SYS_mount,    SYS_umount2,   SYS_unshare, SYS_setns,
                                           SYS_bind,    SYS_bpf,      SYS_ftruncate};

bool is_change(pid_t thread) {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY) {
        return false;
    }
    const auto number = static_cast<long>(info.entry.nr);
    const bool makes_file = number == SYS_openat && (info.entry.args[2] & O_CREAT) != 0;
    return makes_file || std::ranges::contains(kChanges, number);
}

// What throws here would go on with the test in the wrong process.
[[noreturn]] void be_killed(const std::function<Status()> &prepare, const std::function<Status()> &work) noexcept {
    const auto end_with = [](const Status &status) {
        if (!status) {
            (void)std::fprintf(stderr, "%s\n", status.error().message.c_str());
            _exit(1);
        }
    };
    end_with(prepare());
    (void)ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); // this thread, and those that it makes from now on
    (void)raise(SIGSTOP);
    end_with(work());
    _exit(0); // as if killed: nothing is closed
}

// In a process of its own, whose only children are those that it waits for.
[[noreturn]] void trace(int step, const std::function<Status()> &prepare, const std::function<Status()> &work) {
    const pid_t victim = fork();
    if (victim == 0) {
        be_killed(prepare, work);
    }
    std::set<pid_t> seen;
    bool killed = false;
    for (int left = step;;) {
        int status = 0;
        const pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0) {
            _exit(kNotTraced);
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == victim) {
                _exit(killed ? kKilled : WIFEXITED(status) ? WEXITSTATUS(status) : kNotTraced);
            }
            continue;
        }
        int signal = WSTOPSIG(status);
        if (seen.insert(thread).second) { // the stop with which it begins
            signal = 0;
            if (thread == victim && ptrace(PTRACE_SETOPTIONS, victim, nullptr, kOptions) != 0) {
                _exit(kNotTraced);
            }
        } else if (signal == kEverySystemCall || status >> 16 != 0) {
            if (signal == kEverySystemCall && is_change(thread) && left-- == 0) {
                killed = true;
                (void)::kill(victim, SIGKILL); // before the call is made
                continue;
            }
            signal = 0;
        }
        // ESRCH: killed meanwhile, and its end comes next.
        if (ptrace(PTRACE_SYSCALL, thread, nullptr, static_cast<long>(signal)) != 0 && errno != ESRCH) {
            _exit(kNotTraced);
        }
    }
}

} // namespace

Result<bool> killed_at(int step, const std::function<Status()> &prepare, const std::function<Status()> &work) {
    const pid_t tracer = fork();
    if (tracer < 0) {
        return fail_errno("fork");
    }
    if (tracer == 0) {
        trace(step, prepare, work);
    }
    int status = 0;
    if (waitpid(tracer, &status, 0) != tracer) {
        return fail_errno("wait for the tracer");
    }
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != kKilled)) {
        return fail(EIO, "step " + std::to_string(step) + ": what was to be killed failed, or could not be traced");
    }
    return WEXITSTATUS(status) == kKilled;
}

} // namespace ballast::testing
