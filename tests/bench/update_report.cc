// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/update_report.h"

#include <format>

#include "tests/bench/samples_report.h"

namespace ballast::bench {
namespace {

constexpr double kDeltaBudget = 0.1;   // of the compressed image
constexpr double kMostForStaging = 30; // s

} // namespace

std::vector<Comparison> compare_updates(const EngineSamples &samples) {
    std::vector<Comparison> all;
    if (samples.samples.contains("delta")) {
        all.push_back({"download of one changed package", summary_of(samples, "delta"), summary_of(samples, "image"),
                       "MB", kDeltaBudget});
    }
    for (const auto &[key, name] :
         {std::pair<std::string, std::string>{"staged", "asked until staged, static delta"},
          {"fetched", "the same without a delta"},
          {std::string("back after ") + kPanic, "away because of a panic in the initramfs"},
          {std::string("back after ") + kHang, "away because of an initramfs that hangs"},
          {std::string("back after ") + kNoEngine, "away because of an engine that fails"},
          {std::string("back after ") + kUnloved, "away because of a failed health script"}}) {
        if (samples.samples.contains(key)) {
            all.push_back({name, summary_of(samples, key), {}, "s"});
        }
    }
    return all;
}

std::string update_remarks(const EngineSamples &samples) {
    if (!samples.samples.contains("staged")) {
        return "";
    }
    const double took = summary_of(samples, "staged").median;
    return std::format("  staging: {:.1f} s of at most {:.0f}: {}\n", took, kMostForStaging,
                       took <= kMostForStaging ? "kept" : "exceeded");
}

} // namespace ballast::bench
