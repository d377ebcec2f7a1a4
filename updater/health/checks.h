// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "updater/health/report.h"

// Is this machine well? Every check is one small file, takes what it needs of the machine from Surroundings, and waits
// a while for what may still be on its way.
namespace ballast::updater::health {

struct HealthConfig;
struct Surroundings;

// Runs the built-in checks in a fixed order, then the operator's scripts: required.d, then wanted.d. A check that could
// not be made has failed, and its message says why. Never restarts anything.
std::vector<CheckResult> run_checks(const HealthConfig &config, const Surroundings &surroundings);

} // namespace ballast::updater::health
