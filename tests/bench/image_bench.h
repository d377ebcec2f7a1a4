// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// The cloud image beside the machine that somebody would otherwise use: size, boot, idle memory. Prints a table with
// the budgets, where our boot's time goes and what is biggest in the image, and writes OUTPUT/bench/image.json. A
// budget that is exceeded is no error.
Status bench_image(const Settings &settings);

} // namespace ballast::bench
