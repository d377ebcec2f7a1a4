// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// Networks of ballastd beside those of dockerd, both in the test image at once: throughput, lives on the default
// bridge, starts with published ports, look-ups of names, memory. Prints the table and writes
// OUTPUT/bench/network.json. A budget that is exceeded is no error.
Status bench_network(const Settings &settings);

} // namespace ballast::bench
