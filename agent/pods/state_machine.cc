// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/state_machine.h"

namespace ballast::agent {
namespace {

struct Row {
    PodState from;
    PodEvent event;
    PodState to;
};

// What is not here changes nothing.
constexpr std::array kTable = std::to_array<Row>({
    {PodState::kStarting, PodEvent::kStarted, PodState::kRunning},
    {PodState::kStarting, PodEvent::kFinished, PodState::kEnding},
    {PodState::kStarting, PodEvent::kTimeOver, PodState::kEnding},
    {PodState::kStarting, PodEvent::kUnwanted, PodState::kRemoving},
    {PodState::kRunning, PodEvent::kSandboxLost, PodState::kStarting},
    {PodState::kRunning, PodEvent::kFinished, PodState::kEnding},
    {PodState::kRunning, PodEvent::kTimeOver, PodState::kEnding},
    {PodState::kRunning, PodEvent::kUnwanted, PodState::kRemoving},
    {PodState::kEnding, PodEvent::kNothingRuns, PodState::kEnded},
    {PodState::kEnding, PodEvent::kUnwanted, PodState::kRemoving},
    {PodState::kEnded, PodEvent::kUnwanted, PodState::kRemoving},
    {PodState::kRemoving, PodEvent::kNothingRuns, PodState::kCleaning},
    {PodState::kCleaning, PodEvent::kCleaned, PodState::kGone},
});

} // namespace

PodState next_state(PodState state, PodEvent event) {
    for (const Row &row : kTable) {
        if (row.from == state && row.event == event) {
            return row.to;
        }
    }
    return state;
}

std::string_view name_of(PodState state) {
    constexpr std::array kNames =
        std::to_array<std::string_view>({"starting", "running", "ending", "ended", "removing", "cleaning", "gone"});
    return kNames.at(static_cast<std::size_t>(state));
}

std::string_view name_of(PodEvent event) {
    constexpr std::array kNames = std::to_array<std::string_view>(
        {"started", "sandbox-lost", "finished", "time-over", "unwanted", "nothing-runs", "cleaned"});
    return kNames.at(static_cast<std::size_t>(event));
}

} // namespace ballast::agent
