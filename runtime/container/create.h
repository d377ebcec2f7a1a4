// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/container/settings.h"
#include "runtime/container/state.h"

namespace ballast::container {

// `create`: when this returns, the container's first process exists in its namespaces, under its limits, and waits for
// `start`. Whatever fails leaves no process, mount, cgroup or file behind.
Status create(const Settings &settings, const CreateOptions &options);

// `run`: create and start in one go, without the wait in between. Detached it returns 0 once the program runs;
// otherwise it passes signals and the terminal on until the program ends, deletes the container and returns its exit
// status (128 + signal).
Result<int> run(const Settings &settings, const CreateOptions &options);

} // namespace ballast::container
