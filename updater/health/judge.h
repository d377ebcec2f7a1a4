// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "updater/health/boot_facts.h"
#include "updater/health/health_config.h"
#include "updater/health/surroundings.h"

// What is done with a boot once it is known: the sequences behind ballast-health's verbs.
namespace ballast::updater::health {

// What a judgement needs beside the checks' surroundings.
struct Bench {
    const HealthConfig &config;
    const Surroundings &machine;
    BootFacts boot;
    // Errors of a boot, newest last; see system_units.h.
    std::function<std::vector<std::string>(const std::string &boot)> journal;
    std::function<std::string(const std::string &word)> boot_with;
    std::function<Result<std::vector<std::string>>()> jobs;
    // VERSION_ID of a deployment, by its id; empty when it is gone.
    std::function<std::string(const std::string &deployment)> version_of;
    std::function<Status()> restart;
};

// Runs the checks, keeps their report and, when it is good, what the machine is like. On trial with a required failure:
// asks for a restart after the report is on disk. The report of a deployment that was given up before this boot and
// left none is made first.
Result<Report> judge_boot(const Bench &bench);

// For a boot that has taken too long: without a verdict so far, on trial, the report says what it waits for, and the
// machine restarts. Nothing: there was nothing to do.
Result<std::optional<Report>> end_late_boot(const Bench &bench);

// Keeps what the machine is like, at its orderly end. False: this boot has not proven itself, and what is kept stays.
Result<bool> record_baseline(const Bench &bench);

} // namespace ballast::updater::health
