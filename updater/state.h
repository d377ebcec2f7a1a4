// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// The life of an update, as one table of states and events. Pure; the diagram in docs/design/updater.md is made of it.
namespace ballast::updater {

enum class State {
    kIdle,        // nothing is prepared; the running system is good
    kChecking,    // the source is asked
    kDownloading, // objects come; nothing that the machine boots from changes
    kStaged,      // a deployment is prepared, and the next restart takes it
    kWaiting,     // the same, and a policy holds the restart back
    kRebooting,   // the restart was asked for
    kVerifying,   // the new system runs on trial
    kRolledBack,  // the new system did not prove itself; the one before runs
};

enum class Event {
    kAsked,        // somebody wants to know what there is: an operator or the timer
    kNothing,      // the source has nothing newer than what runs
    kNothingNewer, // nothing newer than what is prepared already
    kRefused,      // only what was rolled back before
    kFound,        // there is something to download
    kPrepared,     // a deployment stands ready for the next restart
    kFailed,       // what was begun ended without a result
    kWithdrawn,    // what was prepared is not there any more
    kHeldBack,     // a policy does not allow the restart yet
    kAllowed,      // all policies do
    kBootedNew,    // the machine started what was prepared
    kBootedOld,    // the machine has given up what was prepared
    kProven,       // the health checks passed and the boot loader knows
    kAcknowledged, // an operator has seen the rollback
};

inline constexpr std::array kStates = {State::kIdle,    State::kChecking,  State::kDownloading, State::kStaged,
                                       State::kWaiting, State::kRebooting, State::kVerifying,   State::kRolledBack};
inline constexpr std::array kEvents = {Event::kAsked,    Event::kNothing,     Event::kNothingNewer, Event::kRefused,
                                       Event::kFound,    Event::kPrepared,    Event::kFailed,       Event::kWithdrawn,
                                       Event::kHeldBack, Event::kAllowed,     Event::kBootedNew,    Event::kBootedOld,
                                       Event::kProven,   Event::kAcknowledged};

// "rolled-back", "nothing-newer": as they stand in files, on the bus and in the diagram.
std::string_view name_of(State state);
std::string_view name_of(Event event);
std::optional<State> state_named(std::string_view name);

// The state that follows; nothing: the event cannot happen in this state.
std::optional<State> next_state(State state, Event event);

// A download or a check is under way: what is asked for now must wait.
bool is_busy(State state);

// The table as a Mermaid state diagram, one line a transition.
std::string state_diagram();

} // namespace ballast::updater
