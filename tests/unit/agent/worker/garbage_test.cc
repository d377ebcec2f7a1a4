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

std::vector<std::string> ids(const Garbage &garbage) {
    std::vector<std::string> all;
    for (const ObservedContainer &one : garbage.containers) {
        all.push_back(one.id);
    }
    return all;
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
    REQUIRE(ids(garbage) == std::vector<std::string>{"a2", "a0"});
    REQUIRE(garbage.sandboxes == std::vector<std::string>{"s0"});
}

TEST_CASE("while a container runs the one before it is kept", "[agent]") {
    ObservedPod pod;
    pod.sandboxes = {sandbox("s1", true), sandbox("s0", false)};
    pod.containers = {container("a2", "a", "s1", ContainerState::kRunning),
                      container("a1", "a", "s0", ContainerState::kExited),
                      container("a0", "a", "s0", ContainerState::kExited)};
    REQUIRE(ids(garbage_of(pod)) == std::vector<std::string>{"a0"});
    REQUIRE(garbage_of(pod).sandboxes.empty());
    pod.containers.pop_back();
    REQUIRE(garbage_of(pod).empty());
}
