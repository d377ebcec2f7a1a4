// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/updater/killed_at.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <set>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ballast::updater_test {
namespace {

constexpr std::array kChanges = {SYS_mkdir,  SYS_mkdirat,   SYS_rename,    SYS_renameat, SYS_renameat2, SYS_link,
                                 SYS_linkat, SYS_symlink,   SYS_symlinkat, SYS_unlink,   SYS_unlinkat,  SYS_rmdir,
                                 SYS_fsync,  SYS_fdatasync, SYS_syncfs,    SYS_sync};

bool creates(std::uint64_t flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

enum class Request { kOther, kChange, kCount };

Request request_of(pid_t pid) {
    struct __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY) {
        return Request::kOther;
    }
    const auto call = static_cast<long>(info.entry.nr);
    if (call == SYS_mkdir && info.entry.args[0] == 0) {
        return Request::kCount;
    }
    const bool change = std::ranges::contains(kChanges, call) || (call == SYS_openat && creates(info.entry.args[2])) ||
                        (call == SYS_open && creates(info.entry.args[1]));
    return change ? Request::kChange : Request::kOther;
}

// Which signal the traced process is to get when it goes on from a stop of this status.
int signal_of(int status) {
    const int signal = WSTOPSIG(status);
    const bool ours = signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP;
    return ours ? 0 : signal;
}

Result<pid_t> start_traced(const std::function<int()> &body) {
    const pid_t child = ::fork();
    if (child < 0) {
        return fail_errno("fork");
    }
    if (child == 0) {
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0 || ::raise(SIGSTOP) != 0) {
            ::_exit(126);
        }
        ::_exit(body());
    }
    int status = 0;
    constexpr long kOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ::ptrace(PTRACE_SETOPTIONS, child, nullptr, kOptions) != 0 ||
        ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0) {
        return fail_errno("trace a child");
    }
    return child;
}

} // namespace

// A directory without a name, which is nobody's wish otherwise.
void count_from_here() { (void)::syscall(SYS_mkdir, nullptr, 0); }

Result<Lived> run_killed_at(std::size_t last, const std::function<int()> &body) {
    const pid_t first = TRY(start_traced(body));
    Lived lived;
    std::set<pid_t> traced{first};
    bool counting = false;
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            traced.erase(pid);
            lived.status = pid == first && WIFEXITED(status) ? WEXITSTATUS(status) : lived.status;
            continue;
        }
        traced.insert(pid);
        const Request request = WSTOPSIG(status) == (SIGTRAP | 0x80) ? request_of(pid) : Request::kOther;
        counting = counting || request == Request::kCount;
        if (counting && !lived.killed && request == Request::kChange) {
            lived.killed = ++lived.changes == last;
        }
        if (lived.killed) {
            std::ranges::for_each(traced, [](pid_t one) { (void)::kill(one, SIGKILL); }); // some are gone already
            continue;
        }
        (void)::ptrace(PTRACE_SYSCALL, pid, nullptr, signal_of(status)); // one that died meanwhile is waited for next
    }
    return lived;
}

} // namespace ballast::updater_test
