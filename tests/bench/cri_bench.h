// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// ballastd beside containerd and runc behind Kubernetes' interface (CRI), both in the test image at once: pods one by
// one, as many as a node has, memory. Prints the table and writes OUTPUT/bench/cri.json. A budget that is exceeded is
// no error.
Status bench_cri(const Settings &settings);

} // namespace ballast::bench
