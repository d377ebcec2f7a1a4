// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

// The life of a pod on this node, as one table. Within a state, plan.h says what is to be done next.
namespace ballast::agent {

enum class PodState : std::uint8_t {
    kStarting, // its sandbox and its containers are being made
    kRunning,  // each of them was started; some may end and be started again
    kEnding,   // it has ended, or its time is over: what still runs is stopped
    kEnded,    // nothing runs and nothing will; its definition is still there
    kRemoving, // nobody wants it any more: what runs is stopped
    kCleaning, // nothing runs; what it leaves is removed
    kGone,
};

enum class PodEvent : std::uint8_t {
    kStarted,     // every container was started
    kSandboxLost, // the sandbox ended or was removed by somebody
    kFinished,    // every container ended, and none is to be started again
    kTimeOver,    // activeDeadlineSeconds
    kUnwanted,    // its definition is gone or has become another
    kNothingRuns,
    kCleaned,
};

inline constexpr std::array kPodStates = {PodState::kStarting, PodState::kRunning,  PodState::kEnding, PodState::kEnded,
                                          PodState::kRemoving, PodState::kCleaning, PodState::kGone};
inline constexpr std::array kPodEvents = {PodEvent::kStarted,  PodEvent::kSandboxLost, PodEvent::kFinished,
                                          PodEvent::kTimeOver, PodEvent::kUnwanted,    PodEvent::kNothingRuns,
                                          PodEvent::kCleaned};

// The state that follows; the same one where the event changes nothing.
PodState next_state(PodState state, PodEvent event);

std::string_view name_of(PodState state);
std::string_view name_of(PodEvent event);

} // namespace ballast::agent
