// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fnmatch.h>
#include <map>

#include "updater/health/check.h"
#include "updater/health/failing_units.h"

namespace ballast::updater::health {
namespace {

bool is_ignored(const CheckInputs &inputs, const std::string &unit) {
    if (inputs.baseline && inputs.baseline->failing_units &&
        std::ranges::contains(*inputs.baseline->failing_units, unit)) {
        return true;
    }
    return std::ranges::any_of(inputs.config.ignored_units, [&](const std::string &pattern) {
        return ::fnmatch(pattern.c_str(), unit.c_str(), 0) == 0;
    });
}

} // namespace

std::vector<std::string> failing_units(const std::vector<Unit> &before, const std::vector<Unit> &now) {
    std::map<std::string, unsigned> restarts;
    for (const Unit &unit : before) {
        restarts.emplace(unit.name, unit.restarts);
    }
    std::vector<std::string> failing;
    for (const Unit &unit : now) {
        const auto earlier = restarts.find(unit.name);
        const bool restarted = earlier != restarts.end() && unit.restarts > earlier->second;
        if (unit.state == "failed" || unit.sub_state == "auto-restart" || restarted) {
            failing.push_back(unit.name);
        }
    }
    std::ranges::sort(failing);
    return failing;
}

Result<Finding> check_units(const CheckInputs &inputs) {
    const std::vector<Unit> first = TRY(inputs.machine.units());
    const auto failing_now = [&](const std::vector<Unit> &before, const std::vector<Unit> &now) {
        std::vector<std::string> failing = failing_units(before, now);
        std::erase_if(failing, [&](const std::string &unit) { return is_ignored(inputs, unit); });
        return failing;
    };
    std::vector<std::string> failing = failing_now({}, first);
    if (failing.empty()) { // a unit that dies and is restarted again and again looks well most of the time
        inputs.machine.sleep(inputs.config.settle_time);
        failing = failing_now(first, TRY(inputs.machine.units()));
    }
    if (failing.empty()) {
        return found_well("no unit fails that did not fail before");
    }
    std::vector<std::string> evidence;
    for (const std::string &unit : failing) {
        std::ranges::move(inputs.machine.unit_journal(unit), std::back_inserter(evidence));
    }
    return found_wrong(listed(failing) + (failing.size() == 1 ? " fails" : " fail") +
                           " and did not fail before: see journalctl -u UNIT",
                       std::move(evidence));
}

} // namespace ballast::updater::health
