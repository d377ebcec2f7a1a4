// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "updater/health/surroundings.h"

namespace ballast::updater::health {

// Units that have failed, wait for a restart, or were restarted by systemd between two looks; by name.
std::vector<std::string> failing_units(const std::vector<Unit> &before, const std::vector<Unit> &now);

// Services of an operator that run, and start by themselves at every boot; by name.
std::vector<std::string> units_to_run(const std::vector<Unit> &now);

} // namespace ballast::updater::health
