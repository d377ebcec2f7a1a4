// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "updater/health/check.h"

namespace ballast::updater::health {
namespace {

constexpr const char *kEngine = "ballastd.service";

bool has_failed(const Surroundings &machine) {
    const Result<std::vector<Unit>> units = machine.units();
    return units.has_value() && std::ranges::any_of(*units, [](const Unit &unit) {
               return unit.name == kEngine && (unit.state == "failed" || unit.state == "inactive");
           });
}

} // namespace

Result<Finding> check_engine(const CheckInputs &inputs) {
    const Surroundings &machine = inputs.machine;
    if (!TRY(machine.is_enabled(kEngine))) {
        return found_well("the engine is not enabled");
    }
    std::string trouble;
    bool answered = false;
    (void)wait_for(machine, inputs.config.wait_time, [&] { // ends early when there is nothing to wait for
        const Result<std::string> pong = machine.engine("/_ping");
        answered = pong.has_value() && *pong == "OK";
        trouble = pong.has_value() ? "it does not answer OK" : pong.error().message;
        return answered || has_failed(machine);
    });
    if (answered) {
        return found_well("the engine answers");
    }
    return found_wrong("the engine does not answer: " + trouble, machine.unit_journal(kEngine));
}

} // namespace ballast::updater::health
