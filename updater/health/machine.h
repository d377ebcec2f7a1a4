// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "updater/health/boot_facts.h"
#include "updater/health/judge.h"
#include "updater/health/surroundings.h"
#include "updater/updater_config.h"

namespace ballast::updater::health {

// This machine itself, behind the functions that checks ask. `updater` says how its update source is reached.
Surroundings this_machine(const BootFacts &boot, const UpdaterConfig &updater);
Bench this_bench(const HealthConfig &config, const Surroundings &machine, BootFacts boot);

} // namespace ballast::updater::health
