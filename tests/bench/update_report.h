// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/engine_samples.h"
#include "tests/bench/report.h"

namespace ballast::bench {

// The kinds of versions that do not work, as they are named in samples and results.
inline constexpr const char *kPanic = "panic", *kHang = "hang", *kNoEngine = "no engine", *kUnloved = "failed check";

// Of `samples`: "delta" and "image" (MB), "staged" and "fetched" (s), and "back after KIND" (s). What was not measured
// is left out.
std::vector<Comparison> compare_updates(const EngineSamples &samples);

// Whether staging took as little as it may; empty when it was not measured.
std::string update_remarks(const EngineSamples &samples);

} // namespace ballast::bench
