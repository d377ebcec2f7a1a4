// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/container/settings.h"
#include "runtime/container/state.h"

// What is done to a container that exists, but delete (delete.h) and exec (exec.h).
namespace ballast::container {

// Runs the program of a container that waits for it; EINVAL when it runs or has stopped.
Status start(const Settings &settings, const std::string &id);

// Sends `signal` to the first process, or with `all` to every process of the cgroup. SIGKILL reaches all of them
// anyway: where the container has no pid namespace of its own they would live on.
Status kill_container(const Settings &settings, const std::string &id, int signal, bool all);
// "TERM", "SIGTERM", "RTMIN+1", "15" -> the number.
Result<int> signal_number(const std::string &name);

Status pause(const Settings &settings, const std::string &id);
Status resume(const Settings &settings, const std::string &id);

// New limits; what `resources` does not name stays as it is.
Status update(const Settings &settings, const std::string &id, const oci::Resources &resources);

// The cgroup of a container that is in one of the `wanted` phases; EINVAL says which it is in instead, ENOTSUP that it
// has none. `action` is a verb for the message.
Result<isolate::Cgroup> cgroup_of(const Settings &settings, const std::string &id, const char *action,
                                  std::initializer_list<Phase> wanted);

// Every process of the container, as this pid namespace counts.
Result<std::vector<pid_t>> processes(const Settings &settings, const std::string &id);

struct Summary {
    State state;
    Phase phase = Phase::kStopped;
};
Result<Summary> describe(const Settings &settings, const std::string &id);

} // namespace ballast::container
