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

// Of those that ran before, what does not run even after a while: it may still be on its way, pulling an image. What
// ran for a while before, and has done so now, is not missing.
Result<std::vector<std::string>> missing_units(const CheckInputs &inputs) {
    std::vector<std::string> missing;
    if (!inputs.baseline || !inputs.baseline->running_units) {
        return missing;
    }
    Result<std::vector<Unit>> now;
    const auto is_well = [&](const std::string &name) {
        const auto unit = std::ranges::find(*now, name, &Unit::name);
        if (unit != now->end() && unit->state == "inactive") {
            return inputs.machine.has_finished(name);
        }
        return unit != now->end() && unit->state == "active" && unit->sub_state == "running";
    };
    (void)wait_for(inputs.machine, inputs.config.workload_time, [&] { // what is missing in the end is told
        now = inputs.machine.units();
        missing = *inputs.baseline->running_units;
        if (now.has_value()) {
            std::erase_if(missing, [&](const std::string &name) { return is_ignored(inputs, name) || is_well(name); });
        }
        return !now.has_value() || missing.empty();
    });
    if (!now.has_value()) {
        return std::unexpected(now.error());
    }
    return missing;
}

std::vector<std::string> journals_of(const CheckInputs &inputs, const std::vector<std::string> &units) {
    std::vector<std::string> lines;
    for (const std::string &unit : units) {
        std::ranges::move(inputs.machine.unit_journal(unit), std::back_inserter(lines));
    }
    return lines;
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

std::vector<std::string> units_to_run(const std::vector<Unit> &now) {
    std::vector<std::string> names;
    for (const Unit &unit : now) {
        if (unit.operators && unit.name.ends_with(".service") && unit.state == "active" &&
            unit.sub_state == "running") {
            names.push_back(unit.name);
        }
    }
    std::ranges::sort(names);
    return names;
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
    if (!failing.empty()) {
        const char *fail = failing.size() == 1 ? " fails" : " fail";
        return found_wrong(listed(failing) + fail + " and did not fail before: see journalctl -u UNIT",
                           journals_of(inputs, failing));
    }
    const std::vector<std::string> missing = TRY(missing_units(inputs));
    if (!missing.empty()) {
        const char *run = missing.size() == 1 ? " does" : " do";
        return found_wrong(listed(missing) + run + " not run and ran before", journals_of(inputs, missing));
    }
    return found_well("no unit fails that did not fail before");
}

} // namespace ballast::updater::health
