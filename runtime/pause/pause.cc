// SPDX-License-Identifier: Apache-2.0
// ballast-pause: the first process of a pod. It holds the pod's namespaces open, reaps what is left to it where it is
// the first process of a process namespace, too, and ends, with status 0, when it is told to (SIGTERM, SIGINT). Nothing
// is linked: system calls are all it consists of.
#include <linux/signal.h>
#include <linux/wait.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "the system calls of other processors are not written yet"
#endif

namespace {

constexpr unsigned long kSignalSetSize = 8; // bytes, as the kernel has it

long system_call(long number, long first, long second = 0, long third = 0, long fourth = 0) {
    long result = 0;
    register long in_r10 asm("r10") = fourth;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(first), "S"(second), "d"(third), "r"(in_r10)
                 : "rcx", "r11", "memory");
    return result;
}

constexpr unsigned long bit_of(int signal) { return 1UL << static_cast<unsigned>(signal - 1); }

[[noreturn]] void end(int status) {
    while (true) {
        system_call(SYS_exit_group, status);
    }
}

} // namespace

extern "C" [[noreturn]] void _start() {
    // Blocked before they can come: the first process of a namespace loses signals that it neither handles nor blocks.
    const unsigned long awaited = bit_of(SIGTERM) | bit_of(SIGINT) | bit_of(SIGCHLD);
    const long set = reinterpret_cast<long>(&awaited);
    if (system_call(SYS_rt_sigprocmask, SIG_BLOCK, set, 0, kSignalSetSize) != 0) {
        end(1);
    }
    while (true) {
        while (system_call(SYS_wait4, -1, 0, WNOHANG) > 0) { // before the first wait, too: some may have ended already
        }
        const long signal = system_call(SYS_rt_sigtimedwait, set, 0, 0, kSignalSetSize);
        if (signal == SIGTERM || signal == SIGINT) {
            end(0);
        }
    }
}
