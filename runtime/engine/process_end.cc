// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/process_end.h"

#include <poll.h>
#include <sys/wait.h>

#include "base/timestamp.h"

namespace ballast::engine {

bool ends_within(BorrowedFd process, std::chrono::milliseconds time) {
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    return poll(&ended, 1, static_cast<int>(time.count())) == 1; // a pidfd is readable once its process has ended
}

Result<bool> has_ended(BorrowedFd process) {
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    int ready = 0;
    do {
        ready = poll(&ended, 1, 0);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) {
        return fail_errno("look whether a process has ended");
    }
    if (ended.fd < 0 || (ended.revents & POLLNVAL) != 0) {
        return fail(EBADF, "look whether a process has ended");
    }
    return ready == 1;
}

monitor::End end_of_child(int pid) {
    siginfo_t info{};
    if (pid <= 0 || waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) != 0 || info.si_pid != pid) {
        return {.known = false, .status = kLostStatus};
    }
    const bool exited = info.si_code == CLD_EXITED;
    return {.known = true,
            .status = exited ? info.si_status : 128 + info.si_status,
            .signal = exited ? 0 : info.si_status,
            .time_ns = now_ns()};
}

} // namespace ballast::engine
