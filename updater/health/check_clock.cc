// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <format>

#include "updater/health/check.h"

namespace ballast::updater::health {
namespace {

std::string date_of(std::int64_t seconds) {
    return std::format("{:%Y-%m-%d %H:%M} UTC", std::chrono::sys_seconds(std::chrono::seconds(seconds)));
}

} // namespace

Result<Finding> check_clock(const CheckInputs &inputs) {
    const Clock clock = inputs.machine.clock();
    if (clock.synchronised) {
        return found_well("the clock is synchronised");
    }
    if (clock.now >= clock.earliest) {
        return found_well("the clock is not synchronised, but later than the system was built");
    }
    return found_wrong(
        std::format("the clock says {}, and the system was built {}: certificates and signatures cannot be judged; "
                    "set the clock or a time server",
                    date_of(clock.now), date_of(clock.earliest)),
        inputs.machine.unit_journal("systemd-timesyncd.service"));
}

} // namespace ballast::updater::health
