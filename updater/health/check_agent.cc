// SPDX-License-Identifier: Apache-2.0
#include "updater/health/check.h"

namespace ballast::updater::health {
namespace {

constexpr const char *kAgent = "ballast-agent.service";

} // namespace

Result<Finding> check_agent(const CheckInputs &inputs) {
    const Surroundings &machine = inputs.machine;
    if (!TRY(machine.is_enabled(kAgent))) {
        return found_well("this machine is no node of a cluster");
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
