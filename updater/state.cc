// SPDX-License-Identifier: Apache-2.0
#include "updater/state.h"

#include <algorithm>
#include <utility>

namespace ballast::updater {
namespace {

struct Row {
    State from;
    Event event;
    State to;
};

// A machine may restart at any moment and by anybody's hand, so whatever is prepared can be found booted, or given up.
constexpr std::array kTable = std::to_array<Row>({
    {State::kIdle, Event::kAsked, State::kChecking},
    {State::kIdle, Event::kPrepared, State::kStaged}, // by an operator: rollback, kernel arguments
    {State::kChecking, Event::kNothing, State::kIdle},
    {State::kChecking, Event::kNothingNewer, State::kStaged},
    {State::kChecking, Event::kRefused, State::kRolledBack},
    {State::kChecking, Event::kFound, State::kDownloading},
    {State::kChecking, Event::kFailed, State::kIdle},
    {State::kDownloading, Event::kPrepared, State::kStaged},
    {State::kDownloading, Event::kFailed, State::kIdle},
    {State::kStaged, Event::kAsked, State::kChecking},
    {State::kStaged, Event::kPrepared, State::kStaged}, // something else in its place
    {State::kStaged, Event::kWithdrawn, State::kIdle},
    {State::kStaged, Event::kHeldBack, State::kWaiting},
    {State::kStaged, Event::kAllowed, State::kRebooting},
    {State::kStaged, Event::kBootedNew, State::kVerifying},
    {State::kStaged, Event::kBootedOld, State::kRolledBack},
    {State::kWaiting, Event::kAsked, State::kChecking},
    {State::kWaiting, Event::kPrepared, State::kStaged},
    {State::kWaiting, Event::kWithdrawn, State::kIdle},
    {State::kWaiting, Event::kHeldBack, State::kWaiting},
    {State::kWaiting, Event::kAllowed, State::kRebooting},
    {State::kWaiting, Event::kBootedNew, State::kVerifying},
    {State::kWaiting, Event::kBootedOld, State::kRolledBack},
    {State::kRebooting, Event::kFailed, State::kStaged},  // the machine would not restart
    {State::kRebooting, Event::kWithdrawn, State::kIdle}, // it did, and what was prepared is gone
    {State::kRebooting, Event::kBootedNew, State::kVerifying},
    {State::kRebooting, Event::kBootedOld, State::kRolledBack},
    {State::kVerifying, Event::kProven, State::kIdle},
    {State::kVerifying, Event::kBootedNew, State::kVerifying}, // another try
    {State::kVerifying, Event::kBootedOld, State::kRolledBack},
    {State::kVerifying, Event::kWithdrawn, State::kIdle},
    {State::kRolledBack, Event::kAsked, State::kChecking},
    {State::kRolledBack, Event::kPrepared, State::kStaged},
    {State::kRolledBack, Event::kAcknowledged, State::kIdle},
});

constexpr std::array kStateNames = std::to_array<std::pair<State, std::string_view>>({
    {State::kIdle, "idle"},
    {State::kChecking, "checking"},
    {State::kDownloading, "downloading"},
    {State::kStaged, "staged"},
    {State::kWaiting, "waiting"},
    {State::kRebooting, "rebooting"},
    {State::kVerifying, "verifying"},
    {State::kRolledBack, "rolled-back"},
});

constexpr std::array kEventNames = std::to_array<std::pair<Event, std::string_view>>({
    {Event::kAsked, "asked"},
    {Event::kNothing, "nothing"},
    {Event::kNothingNewer, "nothing-newer"},
    {Event::kRefused, "refused"},
    {Event::kFound, "found"},
    {Event::kPrepared, "prepared"},
    {Event::kFailed, "failed"},
    {Event::kWithdrawn, "withdrawn"},
    {Event::kHeldBack, "held-back"},
    {Event::kAllowed, "allowed"},
    {Event::kBootedNew, "booted-new"},
    {Event::kBootedOld, "booted-old"},
    {Event::kProven, "proven"},
    {Event::kAcknowledged, "acknowledged"},
});
static_assert(kStateNames.size() == kStates.size() && kEventNames.size() == kEvents.size());

// Mermaid takes a '-' in a name for an arrow's.
std::string diagram_name(State state) {
    std::string name(name_of(state));
    std::ranges::replace(name, '-', '_');
    return name;
}

} // namespace

std::string_view name_of(State state) { return kStateNames[static_cast<std::size_t>(state)].second; }
std::string_view name_of(Event event) { return kEventNames[static_cast<std::size_t>(event)].second; }

std::optional<State> state_named(std::string_view name) {
    const auto *found = std::ranges::find(kStateNames, name, &std::pair<State, std::string_view>::second);
    return found == kStateNames.end() ? std::nullopt : std::optional(found->first);
}

std::optional<State> next_state(State state, Event event) {
    const auto *row =
        std::ranges::find_if(kTable, [=](const Row &one) { return one.from == state && one.event == event; });
    return row == kTable.end() ? std::nullopt : std::optional(row->to);
}

bool is_busy(State state) { return state == State::kChecking || state == State::kDownloading; }

std::string state_diagram() {
    std::string text = "stateDiagram-v2\n    [*] --> idle\n";
    for (const Row &row : kTable) {
        text += "    " + diagram_name(row.from) + " --> " + diagram_name(row.to) + ": " +
                std::string(name_of(row.event)) + "\n";
    }
    return text;
}

} // namespace ballast::updater
