// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

// What ballast-network-measure finds out on one machine, on its way from there as JSON.
namespace ballast::bench {

// Of one engine, a sample a round. Milliseconds: "life" on the default bridge, "starts" of fifty containers with
// published ports at once, "lookups" of a thousand names, a GiB from "container" to container, from the "host" to a
// published port, and "out" to a neighbour. MiB: "memory" of the engine with a container that publishes nothing,
// "memory_ports" with one that publishes a hundred ports.
struct NetworkResults {
    std::string name;
    std::map<std::string, std::vector<double>> samples{};
};

std::string to_json(const std::vector<NetworkResults> &engines);
Result<std::vector<NetworkResults>> network_results_from_json(const std::string &text);

// The milliseconds that a GiB takes, from what `iperf3 --json` says.
Result<double> per_gibibyte(const std::string &iperf);

} // namespace ballast::bench
