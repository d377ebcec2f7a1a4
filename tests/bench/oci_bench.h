// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// ballast-oci beside crun and runc on the same bundle, an engine's ordinary container that runs true(1): on this
// machine with cgroups disabled (runc cannot do without), and in the test image with them. Prints the tables, the
// system calls and the phases, and writes OUTPUT/bench/oci.json. A budget that is exceeded is no error.
Status bench_oci(const Settings &settings);

} // namespace ballast::bench
