// SPDX-License-Identifier: Apache-2.0
#include <format>

#include "updater/health/check.h"

namespace ballast::updater::health {
namespace {

constexpr int kOk = 200;

} // namespace

Result<Finding> check_source(const CheckInputs &inputs) {
    if (!inputs.config.source_mistake.empty()) {
        return found_wrong(inputs.config.source_mistake);
    }
    if (inputs.config.sources.empty()) {
        return found_well("no update source is configured");
    }
    std::vector<std::string> troubles;
    for (const std::string &source : inputs.config.sources) {
        const std::string url = source + "/summary.sig"; // small, and what every check for updates asks for first
        const Result<int> answer = inputs.machine.ask_source(url);
        if (answer.has_value() && *answer == kOk) {
            return found_well(source + " answers");
        }
        troubles.push_back(answer.has_value() ? std::format("{}: HTTP status {}", url, *answer)
                                              : answer.error().message);
    }
    return found_wrong("no update source answers: " + listed(troubles));
}

} // namespace ballast::updater::health
