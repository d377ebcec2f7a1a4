// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// ballastd beside dockerd and podman in the test image, each driven over its Docker Engine API by one client: a
// container's life from create to remove, fifty at once, the docker command, the pull of a large image from a registry
// on this machine, memory and processor time while idle. Prints the tables and writes OUTPUT/bench/engine.json. A
// budget that is exceeded is no error.
Status bench_engine(const Settings &settings);

} // namespace ballast::bench
