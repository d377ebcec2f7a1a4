// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "updater/health/boot_facts.h"
#include "updater/health/judge.h"
#include "updater/health/surroundings.h"

namespace ballast::updater::health {

// This machine itself, behind the functions that checks ask.
Surroundings this_machine(const BootFacts &boot);
Bench this_bench(const HealthConfig &config, const Surroundings &machine, BootFacts boot);

} // namespace ballast::updater::health
