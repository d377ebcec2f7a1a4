// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/engine/model.h"

// What may happen to a container in which state, as one table.
namespace ballast::engine {

enum class Transition {
    kStarted,     // its program runs
    kStartFailed, // it could not be started
    kPaused,
    kUnpaused,
    kExited,           // its program ended
    kExitedToRestart,  // the same, and the restart policy waits to start it again
    kRestartCancelled, // that wait ended: stopped by the user
    kRemove,           // removal has begun
    kRemoveFailed,
};

inline constexpr std::array kPhases = {Phase::kCreated,  Phase::kRunning, Phase::kPaused, Phase::kRestarting,
                                       Phase::kRemoving, Phase::kExited,  Phase::kDead};
inline constexpr std::array kTransitions = {
    Transition::kStarted,          Transition::kStartFailed, Transition::kPaused,
    Transition::kUnpaused,         Transition::kExited,      Transition::kExitedToRestart,
    Transition::kRestartCancelled, Transition::kRemove,      Transition::kRemoveFailed};

// The state that follows; nullopt: it cannot happen in this state.
std::optional<Phase> next_phase(Phase phase, Transition transition);

// What a user may ask for, with Docker's words when not. EALREADY-like states are EBUSY for the edge (409).
Status may_pause(const std::string &id, Phase phase);
Status may_unpause(const std::string &id, Phase phase);
Status may_start(const std::string &id, Phase phase); // also when it runs already: the caller asks that first
Status may_exec(const std::string &id, Phase phase);

} // namespace ballast::engine
