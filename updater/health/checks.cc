// SPDX-License-Identifier: Apache-2.0
#include "updater/health/checks.h"

#include <array>

#include "updater/health/check.h"
#include "updater/health/scripts.h"

namespace ballast::updater::health {
namespace {

constexpr std::size_t kMostListed = 5;

using Check = Result<Finding> (*)(const CheckInputs &);
constexpr std::array<Check, kBuiltIn.size()> kChecks{check_engine, check_agent, check_network,  check_clock,
                                                     check_source, check_units, check_workloads};

CheckResult run_check(std::size_t place, const CheckInputs &inputs) {
    const std::chrono::milliseconds begin = inputs.machine.elapsed();
    Result<Finding> found = kChecks.at(place)(inputs);
    if (!found.has_value()) {
        found = found_wrong("it could not be checked: " + found.error().message);
    }
    return {.name = std::string(kBuiltIn.at(place)),
            .required = inputs.config.weight(kBuiltIn.at(place)) == Weight::kRequired,
            .passed = found->passed,
            .message = std::move(found->message),
            .duration = inputs.machine.elapsed() - begin,
            .evidence = std::move(found->evidence)};
}

} // namespace

std::string listed(const std::vector<std::string> &names) {
    std::string text;
    for (std::size_t place = 0; place < names.size() && place < kMostListed; place++) {
        text += (place == 0 ? "" : ", ") + names[place];
    }
    return names.size() > kMostListed ? text + " and " + std::to_string(names.size() - kMostListed) + " more" : text;
}

std::vector<CheckResult> run_checks(const HealthConfig &config, const Surroundings &surroundings) {
    const std::optional<Baseline> baseline = load_baseline(config.state);
    const CheckInputs inputs{.config = config, .machine = surroundings, .baseline = baseline};
    std::vector<CheckResult> results;
    for (std::size_t place = 0; place < kBuiltIn.size(); place++) {
        if (config.weight(kBuiltIn.at(place)) != Weight::kOff) {
            results.push_back(run_check(place, inputs));
        }
    }
    for (CheckResult &result : run_scripts(config, surroundings)) {
        results.push_back(std::move(result));
    }
    return results;
}

} // namespace ballast::updater::health
