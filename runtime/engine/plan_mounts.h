// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "runtime/engine/plan.h"

namespace ballast::engine {

// The mounts of config.json: those of every container, the engine's own files, then the user's. Pure.
Result<nlohmann::ordered_json> plan_mounts(const PlanInput &input);

// "rshared" or "rslave" when a mount of the user's asks that of the whole; empty: the default.
std::string rootfs_propagation(const PlanInput &input);

// "1g", "64m", "1024" of a tmpfs's options and the like are the kernel's business; names and flags are not.
Result<Texts> tmpfs_options(const std::string &options);

} // namespace ballast::engine
