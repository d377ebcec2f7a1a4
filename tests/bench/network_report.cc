// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/network_report.h"

#include <format>

namespace ballast::bench {
namespace {

constexpr double kAsFast = 1 / 0.95; // of their time, for at least 0.95 of their throughput

struct Measured {
    const char *key;
    const char *name;
    const char *unit = "ms";
    std::optional<double> budget = {};
};
constexpr Measured kMeasured[] = {{"container", "a GiB from container to container", "ms", kAsFast},
                                  {"host", "a GiB from the host to a published port", "ms", kAsFast},
                                  {"out", "a GiB out through masquerading", "ms", kAsFast},
                                  {"life", "create + start + wait + remove on the default bridge", "ms", 0.4},
                                  {"starts", "50 starts at once with published ports", "ms", 0.5},
                                  {"lookups", "1000 DNS look-ups", "ms", 0.5},
                                  {"memory", "memory without published ports", "MiB"},
                                  {"memory_ports", "memory with 100 published ports", "MiB"}};

Summary summary_of(const NetworkResults &engine, const std::string &key) {
    const auto found = engine.samples.find(key);
    return summarize(found != engine.samples.end() ? found->second : std::vector<double>());
}

} // namespace

std::vector<Comparison> compare_networks(const std::vector<NetworkResults> &engines) {
    std::vector<Comparison> all;
    for (const Measured &each : kMeasured) {
        if (!engines.at(0).samples.contains(each.key)) {
            continue; // of a part that was not asked for
        }
        all.push_back({each.name, summary_of(engines.at(0), each.key), summary_of(engines.at(1), each.key), each.unit,
                       each.budget, engines.at(1).name});
    }
    return all;
}

std::string network_remarks(const std::vector<NetworkResults> &engines) {
    std::string text;
    for (const NetworkResults &engine : engines) {
        if (!engine.samples.contains("memory_ports")) {
            continue;
        }
        text += std::format("  {}: 100 published ports add {:.1f} MiB\n", engine.name,
                            summary_of(engine, "memory_ports").median - summary_of(engine, "memory").median);
    }
    return text;
}

} // namespace ballast::bench
