// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/network_report.h"

#include <format>

#include "tests/bench/samples_report.h"

namespace ballast::bench {
namespace {

constexpr double kAsFast = 1 / 0.95; // of their time, for at least 0.95 of their throughput

constexpr Measured kMeasured[] = {{"container", "a GiB from container to container", "ms", kAsFast},
                                  {"host", "a GiB from the host to a published port", "ms", kAsFast},
                                  {"out", "a GiB out through masquerading", "ms", kAsFast},
                                  {"life", "create + start + wait + remove on the default bridge", "ms", 0.4},
                                  {"starts", "50 starts at once with published ports", "ms", 0.5},
                                  {"lookups", "1000 DNS look-ups", "ms", 0.5},
                                  {"memory", "memory without published ports", "MiB"},
                                  {"memory_ports", "memory with 100 published ports", "MiB"}};

} // namespace

std::vector<Comparison> compare_networks(const std::vector<EngineSamples> &engines) {
    return compare_samples(kMeasured, engines);
}

std::string network_remarks(const std::vector<EngineSamples> &engines) {
    std::string text;
    for (const EngineSamples &engine : engines) {
        if (!engine.samples.contains("memory_ports")) {
            continue;
        }
        text += std::format("  {}: 100 published ports add {:.1f} MiB\n", engine.name,
                            summary_of(engine, "memory_ports").median - summary_of(engine, "memory").median);
    }
    return text;
}

} // namespace ballast::bench
