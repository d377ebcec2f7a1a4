// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/engine_samples.h"
#include "tests/bench/report.h"

namespace ballast::bench {

// What the samples of a key are, in a report.
struct Measured {
    const char *key;
    const char *name;
    const char *unit = "ms";
    std::optional<double> budget = {};
};

// Of no samples: all zero.
Summary summary_of(const EngineSamples &engine, const std::string &key);

// Ours, the first engine, beside the second, in this order; without what was not measured of ours.
std::vector<Comparison> compare_samples(std::span<const Measured> all, const std::vector<EngineSamples> &engines);

} // namespace ballast::bench
