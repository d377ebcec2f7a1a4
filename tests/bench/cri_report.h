// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/engine_samples.h"
#include "tests/bench/report.h"

// What was measured of container runtimes behind Kubernetes' interface, as results and for people. Keys, in
// milliseconds: "pod" is "sandbox", "create" and "start" together; "remove"; as many pods as a node has "in_turn" and
// "together". In MiB: "memory_daemon" and "memory_idle" without pods, "memory_pod" what each pod adds.
namespace ballast::bench {

// Ours, the first runtime, beside the second; `pods` is how many a node has.
std::vector<Comparison> compare_runtimes(const std::vector<EngineSamples> &runtimes, int pods);

// What ballastd itself holds when it idles, beside what it may.
std::string runtime_remarks(const std::vector<EngineSamples> &runtimes);

} // namespace ballast::bench
