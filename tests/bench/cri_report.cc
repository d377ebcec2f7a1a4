// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cri_report.h"

#include <format>

#include "tests/bench/samples_report.h"

namespace ballast::bench {
namespace {

constexpr double kSlowShare = 0.95;
constexpr double kMostIdleMib = 16;
constexpr const char *kDaemon = "memory_daemon";

constexpr Measured kMeasured[] = {{"pod", "a pod of one container, p50", "ms", 0.4},
                                  {"sandbox", "RunPodSandbox, p50"},
                                  {"create", "CreateContainer, p50"},
                                  {"start", "StartContainer, p50"},
                                  {"remove", "StopPodSandbox + RemovePodSandbox, p50"},
                                  {"in_turn", "pods one after the other"},
                                  {"together", "pods at once"},
                                  {"memory_pod", "memory per pod", "MiB", 0.15},
                                  {"memory_idle", "memory without pods", "MiB"}};

} // namespace

std::vector<Comparison> compare_runtimes(const std::vector<EngineSamples> &runtimes, int pods) {
    std::vector<Comparison> all = compare_samples(kMeasured, runtimes);
    for (Comparison &each : all) {
        if (each.name.starts_with("pods ")) {
            each.name.insert(0, std::to_string(pods) + " ");
        }
    }
    const EngineSamples &ours = runtimes.at(0), &theirs = runtimes.at(1);
    if (ours.samples.contains("pod") && theirs.samples.contains("pod")) {
        all.insert(all.begin() + 1, {"a pod of one container, p95",
                                     percentile(ours.samples.at("pod"), kSlowShare),
                                     percentile(theirs.samples.at("pod"), kSlowShare),
                                     "ms",
                                     {},
                                     theirs.name});
    }
    return all;
}

std::string runtime_remarks(const std::vector<EngineSamples> &runtimes) {
    const EngineSamples &ours = runtimes.at(0);
    if (!ours.samples.contains(kDaemon)) {
        return "";
    }
    const double mib = summary_of(ours, kDaemon).median;
    return std::format("  {} without pods, its socket open: {:.1f} MiB of at most {:.0f}: {}\n", ours.name, mib,
                       kMostIdleMib, mib <= kMostIdleMib ? "kept" : "exceeded");
}

} // namespace ballast::bench
