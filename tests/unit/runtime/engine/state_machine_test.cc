// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "runtime/engine/state_machine.h"

namespace ballast::engine {
namespace {

using P = Phase;
using T = Transition;

// All that can happen, written down a second time: whoever changes the table means it.
const std::map<std::pair<P, T>, P> kAllowed = {
    {{P::kCreated, T::kStarted}, P::kRunning},
    {{P::kCreated, T::kStartFailed}, P::kCreated},
    {{P::kCreated, T::kRemove}, P::kRemoving},
    {{P::kRunning, T::kPaused}, P::kPaused},
    {{P::kRunning, T::kExited}, P::kExited},
    {{P::kRunning, T::kExitedToRestart}, P::kRestarting},
    {{P::kPaused, T::kUnpaused}, P::kRunning},
    {{P::kPaused, T::kExited}, P::kExited},
    {{P::kPaused, T::kExitedToRestart}, P::kRestarting},
    {{P::kRestarting, T::kStarted}, P::kRunning},
    {{P::kRestarting, T::kStartFailed}, P::kExited},
    {{P::kRestarting, T::kRestartCancelled}, P::kExited},
    {{P::kExited, T::kStarted}, P::kRunning},
    {{P::kExited, T::kStartFailed}, P::kExited},
    {{P::kExited, T::kRemove}, P::kRemoving},
    {{P::kRemoving, T::kRemove}, P::kRemoving},
    {{P::kRemoving, T::kRemoveFailed}, P::kDead},
    {{P::kDead, T::kRemove}, P::kRemoving},
};

} // namespace

TEST_CASE("every pair of state and event leads where the table says, or nowhere", "[engine]") {
    for (const Phase phase : kPhases) {
        for (const Transition transition : kTransitions) {
            const auto allowed = kAllowed.find({phase, transition});
            const std::optional<Phase> next = next_phase(phase, transition);
            INFO(phase_name(phase) << " and event " << static_cast<int>(transition));
            if (allowed == kAllowed.end()) {
                CHECK_FALSE(next.has_value());
            } else {
                REQUIRE(next.has_value());
                CHECK(*next == allowed->second);
            }
        }
    }
}

TEST_CASE("what a user asks of a container in the wrong state is refused in Docker's words", "[engine]") {
    CHECK(may_pause("x", P::kRunning));
    CHECK(may_pause("x", P::kPaused).error().message == "Container x is already paused");
    CHECK(may_pause("x", P::kExited).error().message == "Container x is not running");
    CHECK(may_unpause("x", P::kRunning).error().message == "Container x is not paused");
    CHECK(may_start("x", P::kPaused).error().message == "cannot start a paused container, try unpause instead");
    CHECK(may_start("x", P::kExited));
    CHECK_FALSE(may_start("x", P::kRemoving));
    CHECK(may_exec("x", P::kPaused).error().message == "Container x is paused, unpause the container before exec");
    CHECK(may_exec("x", P::kExited).error().message == "container x is not running");
    CHECK(may_exec("x", P::kExited).error().code == EBUSY);
}

TEST_CASE("states have the names of the API, both ways", "[engine]") {
    for (const Phase phase : kPhases) {
        CHECK(phase_of(phase_name(phase)) == phase);
    }
    CHECK_FALSE(phase_of("gone"));
}

} // namespace ballast::engine
