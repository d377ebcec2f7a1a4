// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "runtime/engine/container_files.h"
#include "runtime/engine/model.h"

namespace ballast::engine {

struct NetworkPlan {
    std::string network_namespace; // PlanInput::network_namespace
    FileNetwork files;             // unless it is another container's
};

// What a container's network mode asks for. `process_of` gives the pid of another, running container. EINVAL for modes
// that need networks of the engine's own.
Result<NetworkPlan> plan_network(const Snapshot &container,
                                 const std::function<Result<int>(const std::string &reference)> &process_of);
// The same question when a container is created, and nothing runs.
Status check_network(const HostConfig &host);

} // namespace ballast::engine
