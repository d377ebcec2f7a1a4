// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/engine_samples.h"
#include "tests/bench/report.h"

// What was measured of container engines' networks, as results and for people.
namespace ballast::bench {

// Ours, the first engine, beside the second.
std::vector<Comparison> compare_networks(const std::vector<EngineSamples> &engines);

// What a hundred published ports add to each engine's memory.
std::string network_remarks(const std::vector<EngineSamples> &engines);

} // namespace ballast::bench
