// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/state_machine.h"

#include <map>

#include "base/file_io.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

TEST_CASE("every event in every state of a pod leads where the table says", "[agent]") {
    using enum PodState;
    // In the order of kPodEvents: started, sandbox-lost, finished, time-over, unwanted, nothing-runs, cleaned.
    const std::map<PodState, std::array<PodState, kPodEvents.size()>> table = {
        {kStarting, {kRunning, kStarting, kEnding, kEnding, kRemoving, kStarting, kStarting}},
        {kRunning, {kRunning, kStarting, kEnding, kEnding, kRemoving, kRunning, kRunning}},
        {kEnding, {kEnding, kEnding, kEnding, kEnding, kRemoving, kEnded, kEnding}},
        {kEnded, {kEnded, kEnded, kEnded, kEnded, kRemoving, kEnded, kEnded}},
        {kRemoving, {kRemoving, kRemoving, kRemoving, kRemoving, kRemoving, kCleaning, kRemoving}},
        {kCleaning, {kCleaning, kCleaning, kCleaning, kCleaning, kCleaning, kCleaning, kGone}},
        {kGone, {kGone, kGone, kGone, kGone, kGone, kGone, kGone}},
    };
    for (const PodState state : kPodStates) {
        for (std::size_t i = 0; i < kPodEvents.size(); i++) {
            CAPTURE(name_of(state), name_of(kPodEvents.at(i)));
            REQUIRE(next_state(state, kPodEvents.at(i)) == table.at(state).at(i));
        }
    }
}

TEST_CASE("the page about the agent shows the table as it is", "[agent]") {
    const std::string page = must(read_file("docs/design/agent.md"));
    for (const PodState state : kPodStates) {
        for (const PodEvent event : kPodEvents) {
            const PodState next = next_state(state, event);
            const std::string line = "    " + std::string(name_of(state)) + " --> " + std::string(name_of(next)) +
                                     ": " + std::string(name_of(event)) + "\n";
            CAPTURE(line);
            REQUIRE(page.contains(line) == (next != state));
        }
    }
}
