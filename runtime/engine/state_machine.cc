// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/state_machine.h"

#include <algorithm>

namespace ballast::engine {
namespace {

struct Row {
    Phase from;
    Transition transition;
    Phase to;
};

constexpr std::array kTable = std::to_array<Row>({
    {Phase::kCreated, Transition::kStarted, Phase::kRunning},
    {Phase::kCreated, Transition::kStartFailed, Phase::kCreated},
    {Phase::kCreated, Transition::kRemove, Phase::kRemoving},
    {Phase::kRunning, Transition::kPaused, Phase::kPaused},
    {Phase::kRunning, Transition::kExited, Phase::kExited},
    {Phase::kRunning, Transition::kExitedToRestart, Phase::kRestarting},
    {Phase::kPaused, Transition::kUnpaused, Phase::kRunning},
    {Phase::kPaused, Transition::kExited, Phase::kExited}, // killed from outside
    {Phase::kPaused, Transition::kExitedToRestart, Phase::kRestarting},
    {Phase::kRestarting, Transition::kStarted, Phase::kRunning},
    {Phase::kRestarting, Transition::kStartFailed, Phase::kExited},
    {Phase::kRestarting, Transition::kRestartCancelled, Phase::kExited},
    {Phase::kExited, Transition::kStarted, Phase::kRunning},
    {Phase::kExited, Transition::kStartFailed, Phase::kExited},
    {Phase::kExited, Transition::kRemove, Phase::kRemoving},
    {Phase::kRemoving, Transition::kRemove, Phase::kRemoving}, // the daemon was killed in the middle
    {Phase::kRemoving, Transition::kRemoveFailed, Phase::kDead},
    {Phase::kDead, Transition::kRemove, Phase::kRemoving},
});

} // namespace

std::optional<Phase> next_phase(Phase phase, Transition transition) {
    const auto *row =
        std::ranges::find_if(kTable, [=](const Row &one) { return one.from == phase && one.transition == transition; });
    return row == kTable.end() ? std::nullopt : std::optional(row->to);
}

Status may_pause(const std::string &id, Phase phase) {
    switch (phase) {
    case Phase::kRunning:
        return {};
    case Phase::kPaused:
        return fail(EBUSY, "Container " + id + " is already paused");
    case Phase::kRestarting:
        return fail(EBUSY, "Container " + id + " is restarting, wait until the container is running");
    default:
        return fail(EBUSY, "Container " + id + " is not running");
    }
}

Status may_unpause(const std::string &id, Phase phase) {
    return phase == Phase::kPaused ? Status() : fail(EBUSY, "Container " + id + " is not paused");
}

Status may_start(const std::string &id, Phase phase) {
    switch (phase) {
    case Phase::kPaused:
        return fail(EBUSY, "cannot start a paused container, try unpause instead");
    case Phase::kRemoving:
        return fail(EBUSY, "container is marked for removal and cannot be started");
    case Phase::kDead:
        return fail(EBUSY, "container " + id + " is dead and cannot be started");
    default:
        return {};
    }
}

Status may_exec(const std::string &id, Phase phase) {
    switch (phase) {
    case Phase::kRunning:
        return {};
    case Phase::kPaused:
        return fail(EBUSY, "Container " + id + " is paused, unpause the container before exec");
    case Phase::kRestarting:
        return fail(EBUSY, "Container " + id + " is restarting, wait until the container is running");
    default:
        return fail(EBUSY, "container " + id + " is not running");
    }
}

} // namespace ballast::engine
