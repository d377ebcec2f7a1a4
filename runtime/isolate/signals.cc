// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/signals.h"

#include <csignal>
#include <cstdint>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::isolate {
namespace {

constexpr int kSignals = 64;

// The kernel's struct sigaction, all zero: SIG_DFL. The C library's call refuses the two signals that it uses itself.
struct DefaultAction {
    std::uint64_t words[4] = {};
};

} // namespace

Outcome reset_signals() {
    const DefaultAction action;
    const std::uint64_t none = 0;
    for (int number = 1; number <= kSignals; number++) {
        if (number == SIGKILL || number == SIGSTOP) {
            continue; // cannot be changed
        }
        if (syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof none) != 0) {
            return failed_at(Step::kSignals, number);
        }
    }
    return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none) == 0 ? done()
                                                                                      : failed_at(Step::kSignals);
}

} // namespace ballast::isolate
