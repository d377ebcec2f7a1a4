// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/container/settings.h"
#include "runtime/container/state.h"

namespace ballast::container {

// `delete`: removes a container that has stopped, or was never started. With `force` one that runs is killed first,
// one that is not there is fine, and of one whose record does not read what can be found is removed.
Status delete_container(const Settings &settings, const std::string &id, bool force);

// The end of a container whose first process is gone: what else is in its cgroup is killed, the cgroup removed,
// poststop hooks run, the directory removed. A hook that fails is told, but nothing is left.
Status remove_container(const State &state, ContainerDir &directory, isolate::Cgroup &cgroup);

} // namespace ballast::container
