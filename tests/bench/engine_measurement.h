// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

// What ballast-engine-measure finds out on one machine, on its way from there as JSON.
namespace ballast::bench {

struct EngineResults {
    std::string name;
    // Milliseconds, a sample a round: "create", "start", "wait", "remove" and "life", which is all four; "parallel",
    // many lives at once; "cli", the docker command's `run --rm`; "pull".
    std::map<std::string, std::vector<double>> times{};
    // MiB of all the engine's processes beside so many idle containers, and what it held when nothing had run yet.
    std::map<int, std::vector<double>> memory{};
    std::vector<double> idle_cpu{};              // milliseconds of processor time a minute, beside the most containers
    std::map<std::string, double> largest_mib{}; // the largest process of a name then, in MiB
};

struct EngineBenchResults {
    std::vector<double> client{}; // milliseconds that the docker command takes to do nothing
    std::vector<EngineResults> engines{};
};

std::string to_json(const EngineBenchResults &results);
Result<EngineBenchResults> engine_results_from_json(const std::string &text);

} // namespace ballast::bench
