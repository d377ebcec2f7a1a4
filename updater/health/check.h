// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "updater/health/baseline.h"
#include "updater/health/health_config.h"
#include "updater/health/surroundings.h"

// What a check is, for those who write one: a function of one source file, named in checks.cc.
namespace ballast::updater::health {

struct CheckInputs {
    const HealthConfig &config;
    const Surroundings &machine;
    const std::optional<Baseline> &baseline;
};

struct Finding {
    bool passed = false;
    std::string message = {};
    std::vector<std::string> evidence = {};
};

inline Finding found_well(std::string message) { return {.passed = true, .message = std::move(message)}; }
inline Finding found_wrong(std::string message, std::vector<std::string> evidence = {}) {
    return {.passed = false, .message = std::move(message), .evidence = std::move(evidence)};
}

// "a, b and 3 more".
std::string listed(const std::vector<std::string> &names);

// An error is a check that could not be made: it has failed.
Result<Finding> check_engine(const CheckInputs &inputs);    // does it answer?
Result<Finding> check_agent(const CheckInputs &inputs);     // is it ready, if this machine has one?
Result<Finding> check_network(const CheckInputs &inputs);   // addresses and default routes as before
Result<Finding> check_clock(const CheckInputs &inputs);     // not before the system was built
Result<Finding> check_source(const CheckInputs &inputs);    // does the next update have somewhere to come from?
Result<Finding> check_units(const CheckInputs &inputs);     // no unit fails that did not fail before
Result<Finding> check_workloads(const CheckInputs &inputs); // containers that ran before run again

} // namespace ballast::updater::health
