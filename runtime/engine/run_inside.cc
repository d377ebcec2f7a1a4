// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/run_inside.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/engine/output_frames.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Take = std::function<void(bool is_error, std::string_view text)>;

constexpr auto kTold = 5s;    // for the monitor to tell of an end
constexpr auto kLook = 500ms; // for who asked to have left

// Until the program has ended. ETIMEDOUT, ECANCELED.
Status read_all(BorrowedFd stream, std::optional<Clock::time_point> until, const std::function<bool()> &cancelled,
                OutputFrames to) {
    std::array<char, 16384> bytes{};
    while (true) {
        auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(kLook);
        if (until) {
            wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()));
        }
        if (wait.count() <= 0) {
            return fail(ETIMEDOUT, "the command was killed: its time is over");
        }
        if (cancelled()) {
            return fail(ECANCELED, "the command was killed: nobody waits for it any more");
        }
        pollfd readable{.fd = stream.get(), .events = POLLIN, .revents = 0};
        if (poll(&readable, 1, static_cast<int>(wait.count())) <= 0) {
            continue;
        }
        const ssize_t got = ::read(stream.get(), bytes.data(), bytes.size());
        if (got <= 0) {
            return {};
        }
        to.take({bytes.data(), static_cast<std::size_t>(got)});
    }
}

void kill_process(int pid) {
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (process.is_open()) {
        (void)syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); // ESRCH: it has ended
    }
}

} // namespace

Result<Inside> start_inside(Engine::Core &core, const ContainerPtr &container, Texts command) {
    ExecConfig config;
    config.attach_stdout = config.attach_stderr = true;
    config.cmd = std::move(command);
    Inside inside{.exec = TRY(core.create_exec(container, std::move(config), true)), .stream = {}};
    inside.stream = std::move(*TRY(core.start_exec(container, inside.exec, false))); // attached: there is one
    return inside;
}

Result<int> finish_inside(const ContainerPtr &container, const Inside &inside, std::optional<Clock::time_point> until,
                          const std::function<bool()> &cancelled, const Take &take) {
    if (const Status read = read_all(inside.stream, until, cancelled, OutputFrames(take)); !read) {
        kill_process(inside.exec->pid);
        return std::unexpected(read.error());
    }
    std::unique_lock lock(container->mutex);
    const auto ended = [&inside] { return inside.exec->exit_code.has_value(); };
    if (!container->changed.wait_for(lock, kTold, ended)) {
        return fail(EIO, "how the command ended is not known");
    }
    return *inside.exec->exit_code;
}

} // namespace ballast::engine
