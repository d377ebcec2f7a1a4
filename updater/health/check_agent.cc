// SPDX-License-Identifier: Apache-2.0
#include "updater/health/check.h"

#include <algorithm>

namespace ballast::updater::health {
namespace {

constexpr const char *kAgent = "ballast-agent.service";

// Its conditions did not hold when it was to start: nobody gave it anything to do. One that has failed is not resting.
Result<bool> is_resting(const Surroundings &machine) {
    return std::ranges::any_of(TRY(machine.units()),
                               [](const Unit &unit) { return unit.name == kAgent && unit.state == "inactive"; });
}

} // namespace

Result<Finding> check_agent(const CheckInputs &inputs) {
    const Surroundings &machine = inputs.machine;
    if (!TRY(machine.is_enabled(kAgent))) {
        return found_well("this machine is no node of a cluster");
    }
    if (TRY(is_resting(machine))) {
        return found_well("the agent has no pods and no cluster to look after");
    }
    std::string trouble = "it is not ready";
    const bool ready = wait_for(machine, inputs.config.wait_time, [&] {
        const Result<bool> said = machine.agent_ready();
        trouble = said.has_value() ? "it is not ready" : said.error().message;
        return said.has_value() && *said;
    });
    return ready ? found_well("the agent is ready")
                 : found_wrong("the cluster agent: " + trouble, machine.unit_journal(kAgent));
}

} // namespace ballast::updater::health
