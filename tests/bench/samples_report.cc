// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/samples_report.h"

namespace ballast::bench {

Summary summary_of(const EngineSamples &engine, const std::string &key) {
    const auto found = engine.samples.find(key);
    return summarize(found != engine.samples.end() ? found->second : std::vector<double>());
}

std::vector<Comparison> compare_samples(std::span<const Measured> all, const std::vector<EngineSamples> &engines) {
    std::vector<Comparison> comparisons;
    for (const Measured &each : all) {
        if (!engines.at(0).samples.contains(each.key)) {
            continue; // of a part that was not asked for
        }
        comparisons.push_back({each.name, summary_of(engines.at(0), each.key), summary_of(engines.at(1), each.key),
                               each.unit, each.budget, engines.at(1).name});
    }
    return comparisons;
}

} // namespace ballast::bench
