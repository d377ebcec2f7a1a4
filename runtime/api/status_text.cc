// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/status_text.h"

#include <format>

namespace ballast::api {

std::string human_duration(std::chrono::nanoseconds duration) {
    using namespace std::chrono;
    const auto seconds_long = duration_cast<seconds>(duration).count();
    const auto minutes_long = duration_cast<minutes>(duration).count();
    const auto hours_long = duration_cast<hours>(duration + minutes(30)).count(); // rounded, as Docker does
    constexpr long long kDay = 24;
    if (seconds_long < 1) {
        return "Less than a second";
    }
    if (seconds_long == 1) {
        return "1 second";
    }
    if (seconds_long < 60) {
        return std::format("{} seconds", seconds_long);
    }
    if (minutes_long == 1) {
        return "About a minute";
    }
    if (minutes_long < 60) {
        return std::format("{} minutes", minutes_long);
    }
    if (hours_long == 1) {
        return "About an hour";
    }
    if (hours_long < 2 * kDay) {
        return std::format("{} hours", hours_long);
    }
    if (hours_long < 14 * kDay) {
        return std::format("{} days", hours_long / kDay);
    }
    if (hours_long < 60 * kDay) {
        return std::format("{} weeks", hours_long / kDay / 7);
    }
    if (hours_long < 730 * kDay) {
        return std::format("{} months", hours_long / kDay / 30);
    }
    return std::format("{} years", hours_long / kDay / 365);
}

std::string status_text(const engine::State &state, engine::Time now) {
    using engine::Phase;
    const std::string up = human_duration(now - state.started_at);
    const std::string ago = human_duration(now - state.finished_at) + " ago";
    switch (state.phase) {
    case Phase::kPaused:
        return "Up " + up + " (Paused)";
    case Phase::kRestarting:
        return std::format("Restarting ({}) {}", state.exit_code, ago);
    case Phase::kRunning: {
        if (!state.health || state.health->status == "none") {
            return "Up " + up;
        }
        const std::string &health = state.health->status;
        return "Up " + up + (health == "starting" ? " (health: starting)" : " (" + health + ")");
    }
    case Phase::kRemoving:
        return "Removal In Progress";
    case Phase::kDead:
        return "Dead";
    case Phase::kCreated:
        return "Created";
    case Phase::kExited:
        break;
    }
    return state.finished_at == engine::kNever ? "" : std::format("Exited ({}) {}", state.exit_code, ago);
}

} // namespace ballast::api
