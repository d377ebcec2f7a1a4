// SPDX-License-Identifier: Apache-2.0
#include "updater/state.h"

#include <map>
#include <set>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;

namespace {

// Every pair that may happen, written down a second time: state, event, state after it.
const std::map<std::pair<State, Event>, State> kAllowed = {
    {{State::kIdle, Event::kAsked}, State::kChecking},
    {{State::kIdle, Event::kPrepared}, State::kStaged},
    {{State::kChecking, Event::kNothing}, State::kIdle},
    {{State::kChecking, Event::kNothingNewer}, State::kStaged},
    {{State::kChecking, Event::kRefused}, State::kRolledBack},
    {{State::kChecking, Event::kFound}, State::kDownloading},
    {{State::kChecking, Event::kFailed}, State::kIdle},
    {{State::kDownloading, Event::kPrepared}, State::kStaged},
    {{State::kDownloading, Event::kFailed}, State::kIdle},
    {{State::kStaged, Event::kAsked}, State::kChecking},
    {{State::kStaged, Event::kPrepared}, State::kStaged},
    {{State::kStaged, Event::kWithdrawn}, State::kIdle},
    {{State::kStaged, Event::kHeldBack}, State::kWaiting},
    {{State::kStaged, Event::kAllowed}, State::kRebooting},
    {{State::kStaged, Event::kBootedNew}, State::kVerifying},
    {{State::kStaged, Event::kBootedOld}, State::kRolledBack},
    {{State::kWaiting, Event::kAsked}, State::kChecking},
    {{State::kWaiting, Event::kPrepared}, State::kStaged},
    {{State::kWaiting, Event::kWithdrawn}, State::kIdle},
    {{State::kWaiting, Event::kHeldBack}, State::kWaiting},
    {{State::kWaiting, Event::kAllowed}, State::kRebooting},
    {{State::kWaiting, Event::kBootedNew}, State::kVerifying},
    {{State::kWaiting, Event::kBootedOld}, State::kRolledBack},
    {{State::kRebooting, Event::kFailed}, State::kStaged},
    {{State::kRebooting, Event::kWithdrawn}, State::kIdle},
    {{State::kRebooting, Event::kBootedNew}, State::kVerifying},
    {{State::kRebooting, Event::kBootedOld}, State::kRolledBack},
    {{State::kVerifying, Event::kProven}, State::kIdle},
    {{State::kVerifying, Event::kBootedNew}, State::kVerifying},
    {{State::kVerifying, Event::kBootedOld}, State::kRolledBack},
    {{State::kVerifying, Event::kWithdrawn}, State::kIdle},
    {{State::kRolledBack, Event::kAsked}, State::kChecking},
    {{State::kRolledBack, Event::kPrepared}, State::kStaged},
    {{State::kRolledBack, Event::kAcknowledged}, State::kIdle},
};

} // namespace

TEST_CASE("every event in every state leads where the table says, or is refused", "[updater]") {
    for (const State state : kStates) {
        for (const Event event : kEvents) {
            INFO(name_of(state) << " + " << name_of(event));
            const auto expected = kAllowed.find({state, event});
            const std::optional<State> found = next_state(state, event);
            REQUIRE(found.has_value() == (expected != kAllowed.end()));
            if (found) {
                REQUIRE(name_of(*found) == name_of(expected->second));
            }
        }
    }
}

TEST_CASE("no state is a dead end, and each can be reached from idle", "[updater]") {
    std::set<State> reached = {State::kIdle};
    for (std::size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (const auto &[from, to] : kAllowed) {
            if (reached.contains(from.first)) {
                reached.insert(to);
            }
        }
    }
    REQUIRE(reached.size() == kStates.size());
    for (const State state : kStates) {
        INFO(name_of(state));
        bool leaves = false;
        for (const auto &[from, to] : kAllowed) {
            leaves = leaves || (from.first == state && to != state);
        }
        REQUIRE(leaves);
    }
}

TEST_CASE("names of states are read back as they are written", "[updater]") {
    for (const State state : kStates) {
        REQUIRE(state_named(name_of(state)) == state);
    }
    REQUIRE_FALSE(state_named("unknown").has_value());
    REQUIRE_FALSE(state_named("").has_value());
}

TEST_CASE("the diagram in the documents is the table's", "[updater]") {
    const std::string document = must(read_file("docs/design/updater.md"));
    INFO(state_diagram());
    REQUIRE(document.contains("```mermaid\n" + state_diagram() + "```\n"));
}
