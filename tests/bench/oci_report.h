// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/oci_measurement.h"
#include "tests/bench/report.h"

// What was measured of OCI runtimes, as results and for people.
namespace ballast::bench {

// Ours, the first runtime, beside each of the others. `place` ("native") stands before each result's name.
std::vector<Comparison> compare_runtimes(const OciResults &results, const std::string &place);

// System calls of one `run` by name, and its phases in milliseconds: a column a runtime.
std::string call_table(const OciResults &results);
std::string phase_table(const OciResults &results);

// "largest process of ours: 1812 KiB, at most 2048: kept"; the time over the kernel's floor.
std::string verdicts(const OciResults &results);

} // namespace ballast::bench
