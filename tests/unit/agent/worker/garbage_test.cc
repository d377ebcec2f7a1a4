// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/jobs.h"

#include "tests/unit/check.h"

using namespace ballast::agent;

namespace {

ObservedContainer container(const std::string &id, const std::string &name, const std::string &sandbox,
                            ContainerState state) {
    ObservedContainer made;
    made.id = id;
    made.name = name;
    made.sandbox = sandbox;
    made.state = state;
    return made;
}
ObservedSandbox sandbox(const std::string &id, bool ready) {
    ObservedSandbox made;
    made.id = id;
    made.ready = ready;
    return made;
}

} // namespace

TEST_CASE("of each container the one before is kept, and what is older goes", "[agent]") {
    ObservedPod pod;
    pod.sandboxes = {sandbox("s2", true), sandbox("s1", false), sandbox("s0", false)};
    pod.containers = {
        container("a3", "a", "s2", ContainerState::kExited), container("b1", "b", "s1", ContainerState::kExited),
        container("a2", "a", "s2", ContainerState::kExited), container("a1", "a", "s1", ContainerState::kRunning),
        container("a0", "a", "s0", ContainerState::kExited)};
    const Garbage garbage = garbage_of(pod);
    REQUIRE(garbage.containers == std::vector<std::string>{"a2", "a0"});
    REQUIRE(garbage.sandboxes == std::vector<std::string>{"s0"});
}
