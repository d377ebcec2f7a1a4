// SPDX-License-Identifier: Apache-2.0
#include "updater/policy.h"

#include <array>
#include <chrono>
#include <format>

namespace ballast::updater {
namespace {

using Reason = std::optional<std::string>;

Reason wait_for_proof(const Moment &moment) {
    return moment.on_trial ? Reason("the running system is on trial: its health checks have not passed yet")
                           : std::nullopt;
}

Reason wait_for_operator(const Moment &moment) {
    return !moment.insisted && moment.strategy == Strategy::kManual
               ? Reason("the strategy is manual: restart the machine, or run \"ballast upgrade --reboot\"")
               : std::nullopt;
}

Reason wait_for_window(const Moment &moment) {
    const bool asked = moment.strategy == Strategy::kWindow || moment.strategy == Strategy::kLock;
    if (moment.insisted || !asked || !moment.has_windows || moment.window.open) {
        return std::nullopt;
    }
    return moment.window.changes ? "the next window opens at " + time_text(*moment.window.changes)
                                 : "no window opens any more";
}

Reason wait_for_lock(const Moment &moment) {
    if (moment.insisted || moment.strategy != Strategy::kLock || moment.lock_held) {
        return std::nullopt;
    }
    return moment.lock_refusal.empty() ? "the fleet's lock is not held" : "the fleet's lock: " + moment.lock_refusal;
}

Reason wait_for_drain(const Moment &moment) {
    return moment.drain_refusal.empty() ? std::nullopt
                                        : Reason("the workloads are not drained: " + moment.drain_refusal);
}

constexpr std::array kPolicies = std::to_array<Policy>({
    {"A system that is on trial proves itself before it is left.", wait_for_proof},
    {"With the strategy manual the machine restarts by an operator's hand only.", wait_for_operator},
    {"Outside of its windows the machine does not restart unasked.", wait_for_window},
    {"With the strategy lock the machine restarts only while it holds the fleet's lock.", wait_for_lock},
    {"The workloads are drained before the machine restarts.", wait_for_drain},
});

} // namespace

std::span<const Policy> policies() { return kPolicies; }

std::vector<std::string> reasons_to_wait(const Moment &moment, bool with_lock) {
    std::vector<std::string> reasons;
    for (const Policy &policy : kPolicies) {
        if (!with_lock && policy.wait == wait_for_lock) {
            continue;
        }
        if (Reason reason = policy.wait(moment)) {
            reasons.push_back(std::move(*reason));
        }
    }
    return reasons;
}

std::string time_text(std::int64_t seconds) {
    return std::format("{:%Y-%m-%d %H:%M} UTC", std::chrono::floor<std::chrono::minutes>(
                                                    std::chrono::sys_seconds(std::chrono::seconds(seconds))));
}

} // namespace ballast::updater
