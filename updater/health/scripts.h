// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "updater/health/health_config.h"
#include "updater/health/report.h"
#include "updater/health/surroundings.h"

namespace ballast::updater::health {

// The operator's checks: every executable file of SCRIPTS/required.d, then of SCRIPTS/wanted.d, in the order of their
// names; exit status 0 is well. Names that begin with a dot are left alone, so are files that are not executable, but
// for "*.sh": those were meant to run, and fail. Each gets config.script_time, then it is killed with all it started.
// What it prints is its evidence. A directory that is missing is empty.
std::vector<CheckResult> run_scripts(const HealthConfig &config, const Surroundings &surroundings);

} // namespace ballast::updater::health
