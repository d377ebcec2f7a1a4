// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/engine/core.h"
#include "runtime/engine/health.h"
#include "runtime/engine/names.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kFrameHeader = 8; // Docker's: stream, three zeros, length in big-endian order

// Takes the frames' headers out.
std::string plain(std::string_view framed) {
    std::string text;
    while (framed.size() > kFrameHeader) {
        std::size_t size = 0;
        for (std::size_t byte = 4; byte < kFrameHeader; byte++) {
            size = size << 8U | static_cast<unsigned char>(framed[byte]);
        }
        framed.remove_prefix(kFrameHeader);
        text += framed.substr(0, size);
        framed.remove_prefix(std::min(size, framed.size()));
    }
    return text;
}

// What it says until it has ended or `until` comes: then false.
bool read_output(BorrowedFd stream, Clock::time_point until, const Timer &timer, std::string &output) {
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
        pollfd readable{.fd = stream.get(), .events = POLLIN, .revents = 0};
        if (left.count() <= 0 || timer.stopping() ||
            poll(&readable, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1000))) < 0) {
            return false;
        }
        if (readable.revents == 0) {
            continue;
        }
        char bytes[4096];
        const ssize_t got = ::read(stream.get(), bytes, sizeof bytes);
        if (got <= 0) {
            return true;
        }
        if (output.size() < 2 * kHealthOutput) { // the rest is read and dropped
            output.append(bytes, static_cast<std::size_t>(got));
        }
    }
}

void kill_process(int pid) {
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (process.is_open()) {
        (void)syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); // ESRCH: it has ended
    }
}

} // namespace

void Engine::Core::start_health(const ContainerPtr &container) {
    std::uint64_t ticket = 0;
    Nanoseconds delay{};
    {
        const std::scoped_lock lock(container->mutex);
        const std::optional<HealthPlan> plan = plan_health(container->data.config);
        if (!plan || !container->data.state.running()) {
            return;
        }
        if (!container->data.state.health) {
            container->data.state.health = Health{.status = "starting", .failing_streak = 0, .log = {}};
        }
        ticket = ++container->health_ticket;
        delay = next_check(*plan, *container->data.state.health, container->data.state.started_at,
                           std::chrono::system_clock::now());
    }
    timer.after(delay, [this, container, ticket] { check_health(container, ticket); });
}

void Engine::Core::check_health(const ContainerPtr &container, std::uint64_t ticket) {
    Snapshot data;
    {
        const std::scoped_lock lock(container->mutex);
        if (container->health_ticket != ticket || !container->data.state.running() || timer.stopping()) {
            return;
        }
        data = container->data;
    }
    const std::optional<HealthPlan> plan = plan_health(data.config);
    if (!plan) {
        return;
    }
    HealthResult result{.start = std::chrono::system_clock::now(), .end = kNever, .exit_code = -1, .output = {}};
    if (data.state.phase == Phase::kRunning) { // a paused container answers nobody, and that is no failure
        ExecConfig config;
        config.attach_stdout = config.attach_stderr = true;
        config.cmd = plan->command;
        const Clock::time_point until = Clock::now() + plan->timeout;
        const auto exec = create_exec(container, std::move(config), true);
        Result<std::optional<Fd>> stream =
            exec ? start_exec(container, *exec, false) : Result<std::optional<Fd>>(std::unexpected(exec.error()));
        if (!stream) {
            result.output = stream.error().message;
        } else {
            std::string output;
            const bool ended = read_output(**stream, until, timer, output);
            result.output = plain(output);
            if (!ended) {
                kill_process((*exec)->pid);
                result.output =
                    "Health check exceeded timeout (" +
                    std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(plan->timeout).count()) +
                    "ms): " + result.output;
            } else {
                std::unique_lock lock(container->mutex);
                (void)container->changed.wait_for(lock, 5s,
                                                  [&] { return (*exec)->exit_code.has_value(); }); // asked below
                result.exit_code = (*exec)->exit_code.value_or(-1);
            }
        }
        result.end = std::chrono::system_clock::now();
        bool changed = false;
        std::string status;
        {
            const std::scoped_lock lock(container->mutex);
            if (container->health_ticket != ticket || !container->data.state.running()) {
                return; // it ended while it was asked
            }
            Health &health =
                container->data.state.health ? *container->data.state.health : container->data.state.health.emplace();
            changed = enter_result(*plan, health, data.state.started_at, std::move(result));
            status = health.status;
            // With its log, which is what is asked for after a crash.
            if (const Status saved = save(*container); !saved) {
                log::error(saved.error().message, {{"CONTAINER_ID", short_id(container->id)}});
            }
        }
        if (changed) {
            event(*container, "health_status: " + status);
        }
    }
    start_health(container);
}

} // namespace ballast::engine
