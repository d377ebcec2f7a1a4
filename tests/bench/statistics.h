// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

namespace ballast::bench {

// Several measurements of one thing. The median stands for them: one boot that the host disturbed does not move it.
struct Summary {
    double median = 0;
    double least = 0;
    double most = 0;
    int n = 0;
    bool operator==(const Summary &) const = default;
};

// Of an even number of samples the median lies between the middle two. No samples: all zero.
Summary summarize(std::vector<double> samples);

// The sample that `share` of all (0 to 1) do not exceed, in the place of the median: 0.95 is what the slow ones take.
Summary percentile(std::vector<double> samples, double share);

// Ours divided by theirs, of the medians; nothing when there is nothing to divide by.
std::optional<double> ratio(const Summary &ours, const Summary &theirs);

} // namespace ballast::bench
