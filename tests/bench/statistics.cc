// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace ballast::bench {

Summary summarize(std::vector<double> samples) {
    if (samples.empty()) {
        return {};
    }
    std::ranges::sort(samples);
    const std::size_t middle = samples.size() / 2;
    const double median = samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
    return {median, samples.front(), samples.back(), static_cast<int>(samples.size())};
}

Summary percentile(std::vector<double> samples, double share) {
    if (samples.empty()) {
        return {};
    }
    std::ranges::sort(samples);
    const auto count = static_cast<double>(samples.size());
    const auto rank = static_cast<std::size_t>(std::ceil(share * count)); // the nearest-rank method
    return {samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1], samples.front(), samples.back(),
            static_cast<int>(samples.size())};
}

std::optional<double> ratio(const Summary &ours, const Summary &theirs) {
    if (ours.n == 0 || theirs.n == 0 || theirs.median <= 0) {
        return std::nullopt;
    }
    return ours.median / theirs.median;
}

} // namespace ballast::bench
