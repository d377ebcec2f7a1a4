// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/engine_samples.h"
#include "tests/bench/report.h"

// What was measured of nodes, as results and for people. Keys, in milliseconds: "ready" from a pod's creation until the
// cluster knows that it is ready; "gone" until a deleted one is forgotten; "full" until as many as a node has are
// ready. In seconds: "stamps", as "ready" by the API server's own. In MiB: "idle" without pods, "pods" with ten,
// "agent" the agent alone then. In percent of a processor: "rest" beside ten pods, "agent rest" the
// agent alone then.
namespace ballast::bench {

// Ours, the first node, beside the second; `pods` is how many a node has.
std::vector<Comparison> compare_nodes(const std::vector<EngineSamples> &nodes, int pods);

// What ours holds and uses, beside what it may.
std::string node_remarks(const EngineSamples &ours);

} // namespace ballast::bench
