// SPDX-License-Identifier: Apache-2.0
#include "boot/hang_guard.h"

#include <algorithm>
#include <array>
#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::boot {
namespace {

using std::chrono::milliseconds;

[[noreturn]] void guard(const Fd &steps, milliseconds limit, const std::function<void()> &give_up) {
    milliseconds::rep left = limit.count();
    while (true) {
        pollfd step{.fd = steps.get(), .events = POLLIN, .revents = 0};
        const int ready = poll(&step, 1, static_cast<int>(std::min<milliseconds::rep>(left, INT_MAX)));
        if (ready == 0) {
            give_up();
            _exit(1);
        }
        // A pipe takes what is so short whole or not at all.
        if (ready > 0 && read(steps.get(), &left, sizeof left) != sizeof left) {
            _exit(0);
        }
    }
}

} // namespace

Result<HangGuard> HangGuard::start(milliseconds first, const std::function<void()> &give_up) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("pipe");
    }
    const Fd guarded(ends[0]);
    Fd steps(ends[1]);
    const pid_t child = fork();
    if (child < 0) {
        return fail_errno("fork");
    }
    if (child == 0) {
        steps.close(); // or the end of the other one would not be seen
        guard(guarded, first, give_up);
    }
    return HangGuard(std::move(steps));
}

Status HangGuard::allow(milliseconds limit) {
    const milliseconds::rep count = limit.count();
    return write_all(steps_, {reinterpret_cast<const char *>(&count), sizeof count}).within("tell the guard");
}

} // namespace ballast::boot
