// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

// Of each engine ballast-network-measure finds out, in milliseconds: "life" on the default bridge, "starts" of fifty
// containers with published ports at once, "lookups" of a thousand names, a GiB from "container" to container, from the
// "host" to a published port, and "out" to a neighbour. In MiB: "memory" of the engine with a container that publishes
// nothing, "memory_ports" with one that publishes a hundred ports.
namespace ballast::bench {

// The milliseconds that a GiB takes, from what `iperf3 --json` says.
Result<double> per_gibibyte(const std::string &iperf);

} // namespace ballast::bench
