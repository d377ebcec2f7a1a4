// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/statistics.h"

// What a benchmark found, for people and for programs.
namespace ballast::bench {

struct Comparison {
    std::string name; // "idle memory"
    Summary ours;
    Summary theirs;
    std::string unit;                  // "MB", "s", "MiB"
    std::optional<double> budget = {}; // the largest ratio that we allow ourselves; less is better in every unit
    std::string peer = {};             // where a report has several
};

struct Report {
    std::string bench;               // "image"
    std::string peer;                // "Debian 13 with docker.io"; of all results that name none
    std::vector<Comparison> results; // in the order in which they are shown
};

// A line a result: ours, theirs, ratio, and the budget with "kept" or "exceeded". With more than one sample the least
// and the most stand behind the median.
std::string table(const Report &report);

// {"bench":NAME,"results":[{"name","ours","theirs","peer","unit","ratio","n"}...]}: medians, rounded to thousandths;
// the ratio is null when there is none; n counts the samples of ours.
std::string json_text(const Report &report);

} // namespace ballast::bench
