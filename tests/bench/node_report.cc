// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/node_report.h"

#include <format>

#include "tests/bench/samples_report.h"

namespace ballast::bench {
namespace {

constexpr Measured kMeasured[] = {{"ready", "a pod is ready"},
                                  {"stamps", "a pod is ready, by the API server's seconds", "s"},
                                  {"gone", "a pod is gone"},
                                  {"full", "pods at once are ready"},
                                  {"idle", "memory without pods", "MiB"},
                                  {"pods", "memory with 10 pods", "MiB"},
                                  {"agent", "of that, agent and kubelet", "MiB"},
                                  {"rest", "a processor beside 10 pods at rest", "%"},
                                  {"agent rest", "of that, agent and kubelet", "%"}};

struct Limit {
    const char *key;
    const char *name;
    const char *unit;
    double most;
};
constexpr Limit kLimits[] = {{"agent", "the agent with 10 pods", "MiB", 24},
                             {"pods", "engine, agent and monitors of 10 pods", "MiB", 64},
                             {"idle", "engine, agent and updater without pods", "MiB", 48},
                             {"agent rest", "a processor for the agent beside 10 pods at rest", "%", 1}};

} // namespace

std::vector<Comparison> compare_nodes(const std::vector<EngineSamples> &nodes, int pods) {
    std::vector<Comparison> all = compare_samples(kMeasured, nodes);
    for (Comparison &each : all) {
        if (each.name.starts_with("pods ")) {
            each.name.insert(0, std::to_string(pods) + " ");
        }
    }
    return all;
}

std::string node_remarks(const EngineSamples &ours) {
    std::string text;
    for (const Limit &limit : kLimits) {
        if (ours.samples.contains(limit.key)) {
            const double value = summary_of(ours, limit.key).median;
            text += std::format("  {}: {:.2f} {} of at most {:.0f}: {}\n", limit.name, value, limit.unit, limit.most,
                                value <= limit.most ? "kept" : "exceeded");
        }
    }
    return text;
}

} // namespace ballast::bench
