// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_report.h"

#include <format>

namespace ballast::bench {
namespace {

constexpr const char *kBudgeted = "dockerd"; // whom the budgets are about
constexpr double kSlowShare = 0.95;
constexpr double kMemoryBudget = 0.25, kIdleBudget = 0.25;

struct Timed {
    const char *key;
    const char *name;
    std::optional<double> budget = {};
};
constexpr Timed kTimed[] = {{"life", "create + start + wait + remove, p50", 0.4},
                            {"create", "create, p50"},
                            {"start", "start, p50"},
                            {"wait", "wait, p50"},
                            {"remove", "remove, p50"},
                            {"cli", "docker run --rm, p50"},
                            {"parallel", "50 lives at once", 0.5},
                            {"pull", "pull of 500 MB in 10 layers", 0.7}};

std::vector<double> samples(const EngineResults &engine, const std::string &key) {
    const auto found = engine.times.find(key);
    return found != engine.times.end() ? found->second : std::vector<double>();
}

void compare(const EngineResults &ours, const EngineResults &theirs, std::vector<Comparison> &all) {
    const auto add = [&](const std::string &name, const Summary &our, const Summary &their, const char *unit,
                         std::optional<double> budget) {
        if (our.n == 0) {
            return; // of a part that nobody asked for
        }
        all.push_back({name, our, their, unit, theirs.name == kBudgeted ? budget : std::nullopt, theirs.name});
    };
    for (const Timed &each : kTimed) {
        add(each.name, summarize(samples(ours, each.key)), summarize(samples(theirs, each.key)), "ms", each.budget);
        if (std::string_view(each.key) == "life") {
            add("create + start + wait + remove, p95", percentile(samples(ours, each.key), kSlowShare),
                percentile(samples(theirs, each.key), kSlowShare), "ms", {});
        }
    }
    for (const auto &[containers, memory] : ours.memory) {
        const auto found = theirs.memory.find(containers);
        add(std::format("memory with {} idle containers", containers), summarize(memory),
            summarize(found != theirs.memory.end() ? found->second : std::vector<double>()), "MiB", kMemoryBudget);
    }
    add("processor time while idle", summarize(ours.idle_cpu), summarize(theirs.idle_cpu), "ms/min", kIdleBudget);
}

} // namespace

std::vector<Comparison> compare_engines(const EngineBenchResults &results) {
    std::vector<Comparison> all;
    for (std::size_t i = 1; i < results.engines.size(); ++i) {
        compare(results.engines.front(), results.engines[i], all);
    }
    return all;
}

std::string engine_remarks(const EngineBenchResults &results) {
    std::string text;
    if (!results.client.empty()) {
        text +=
            std::format("  `docker --version`, which no engine sees: {:.0f} ms\n", summarize(results.client).median);
    }
    for (const EngineResults &engine : results.engines) {
        for (const auto &[process, mib] : engine.largest_mib) {
            text += std::format("  {}: the largest {}: {:.1f} MiB\n", engine.name, process, mib);
        }
    }
    return text;
}

} // namespace ballast::bench
