// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/plan.h"

// What the plan of a container has to know of the machine.
namespace ballast::engine {

// --device PATH: one device, or all in a directory. Privileged: everything in /dev.
Result<std::vector<HostDevice>> find_devices(const HostConfig &host);
// The numbers of the block devices that limits name.
Result<std::map<std::string, std::pair<unsigned, unsigned>>> find_block_devices(const Resources &resources);

} // namespace ballast::engine
