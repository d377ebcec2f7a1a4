// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/engine_measurement.h"
#include "tests/bench/report.h"

// What was measured of container engines, as results and for people.
namespace ballast::bench {

// Ours, the first engine, beside each of the others. Budgets stand against dockerd.
std::vector<Comparison> compare_engines(const EngineBenchResults &results);

// The docker command's own time, and the largest process of each name.
std::string engine_remarks(const EngineBenchResults &results);

} // namespace ballast::bench
