// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "runtime/engine/health.h"
#include "runtime/engine/names.h"
#include "runtime/engine/run_inside.h"

namespace ballast::engine {
namespace {

using Clock = std::chrono::steady_clock;

// What the program said, and how it ended.
void run_check(Engine::Core &core, const ContainerPtr &container, const HealthPlan &plan, HealthResult &result) {
    const Clock::time_point until = Clock::now() + plan.timeout;
    const Result<Inside> inside = start_inside(core, container, plan.command);
    if (!inside) {
        result.output = inside.error().message;
        return;
    }
    const auto keep = [&result](bool, std::string_view text) {
        if (result.output.size() < 2 * kHealthOutput) { // the rest is read and dropped
            result.output += text;
        }
    };
    const Result<int> ended = finish_inside(container, *inside, until, [&core] { return core.timer.stopping(); }, keep);
    if (!ended && ended.error().code != EIO) {
        result.output = "Health check exceeded timeout (" +
                        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(plan.timeout).count()) +
                        "ms): " + result.output;
    }
    result.exit_code = ended.value_or(-1);
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
        run_check(*this, container, *plan, result);
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
