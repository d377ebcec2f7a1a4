// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// What an update costs: its size and time with a static delta and without, and how long a machine is away that takes a
// version which does not work: prints a table, and writes update.json beside the other results. Wants the images
// "cloud" and "test" with the repository that they came from.
Status bench_update(const Settings &settings);

} // namespace ballast::bench
