// SPDX-License-Identifier: Apache-2.0
#include "updater/health/judge.h"

#include <algorithm>
#include <format>

#include "base/log.h"
#include "updater/boot_entries.h"
#include "updater/health/checks.h"
#include "updater/health/failing_units.h"
#include "updater/health/workloads.h"

namespace ballast::updater::health {
namespace {

Report report_of(const Bench &bench, Outcome outcome) {
    return {.deployment = bench.boot.deployment,
            .version = bench.boot.version,
            .boot = bench.boot.boot,
            .time = bench.machine.clock().now,
            .on_trial = bench.boot.on_trial,
            .tries_left = bench.boot.tries_left,
            .outcome = outcome};
}

bool fits_this_boot(const Bench &bench, const Report &report) {
    return report.deployment == bench.boot.deployment && report.boot == bench.boot.boot;
}

// The deployment that the boot loader gave up died before it could say why: its journal is all there is.
Status keep_what_was_given_up(const Bench &bench) {
    const BootFacts &boot = bench.boot;
    if (boot.given_up.empty() || !is_deployment_id(boot.given_up) ||
        failed_report(bench.config.state, boot.given_up).has_value()) {
        return {};
    }
    Report report = report_of(bench, Outcome::kUnfinished);
    report.deployment = boot.given_up;
    report.version = bench.version_of(boot.given_up);
    report.on_trial = true;
    report.tries_left = boot.given_up_tries;
    report.boot = bench.boot_with(std::string(kDeploymentArgument) + "=" + boot.given_up);
    if (!report.boot.empty()) {
        report.journal = bench.journal(report.boot);
    }
    return keep_report(bench.config.state, report);
}

// What cannot be had is left out; the check that needs it says so then.
Status keep_what_is(const Bench &bench) {
    Baseline baseline{.time = bench.machine.clock().now, .deployment = bench.boot.deployment};
    if (const Result<std::vector<Unit>> units = bench.machine.units(); units.has_value()) {
        baseline.failing_units = failing_units({}, *units);
        baseline.running_units = units_to_run(*units);
    }
    if (Result<std::vector<Interface>> interfaces = bench.machine.interfaces(); interfaces.has_value()) {
        baseline.interfaces = std::move(*interfaces);
    }
    if (const Result<std::vector<Container>> containers = all_containers(bench.machine); containers.has_value()) {
        baseline.workloads = workloads_of(*containers);
        baseline.other_containers = others_of(*containers);
    }
    return keep_baseline(bench.config.state, baseline);
}

// An orderly restart; the boot loader has counted this start already.
Status restart(const Bench &bench, const Report &report) {
    log::error(std::format("This version does not work, and the machine restarts: {}", reason(report)),
               {{"DEPLOYMENT", report.deployment}});
    return bench.restart();
}

} // namespace

Result<Report> judge_boot(const Bench &bench) {
    if (const Status kept = keep_what_was_given_up(bench); !kept.has_value()) {
        log::warning("keep why the version before was given up: " + kept.error().message + ", ignoring");
    }
    std::vector<CheckResult> checks = run_checks(bench.config, bench.machine);
    Report report = report_of(bench, outcome_of(bench.boot, checks));
    report.checks = std::move(checks);
    if (report.outcome != Outcome::kPassed) {
        report.journal = bench.journal(report.boot);
    }
    const Status kept = keep_report(bench.config.state, report);
    if (report.outcome == Outcome::kRestarting) { // a full disk must not keep a bad version running
        TRY(restart(bench, report));
    }
    TRY(kept.has_value() || report.outcome == Outcome::kRestarting ? Status() : kept);
    if (report.outcome == Outcome::kPassed) {
        TRY(keep_what_is(bench));
    }
    return report;
}

Result<std::optional<Report>> end_late_boot(const Bench &bench) {
    const std::optional<Report> verdict = last_report(bench.config.state);
    if (!bench.boot.on_trial || !bench.boot.has_other || (verdict && fits_this_boot(bench, *verdict))) {
        return std::nullopt;
    }
    Report report = report_of(bench, Outcome::kUnfinished);
    const Result<std::vector<std::string>> jobs = bench.jobs();
    report.checks.push_back({.name = "boot",
                             .required = true,
                             .passed = false,
                             .message = "the boot has not ended in time" +
                                        (jobs.has_value() ? "; it waits for " + std::to_string(jobs->size()) + " jobs"
                                                          : ": " + jobs.error().message),
                             .evidence = jobs.value_or(std::vector<std::string>{})});
    report.journal = bench.journal(report.boot);
    if (const Status kept = keep_report(bench.config.state, report); !kept.has_value()) {
        log::error("keep the health report: " + kept.error().message + ", ignoring");
    }
    TRY(restart(bench, report));
    return report;
}

Result<bool> record_baseline(const Bench &bench) {
    const std::optional<Report> verdict = last_report(bench.config.state);
    // By the verdict's own word, too: while the machine goes down, the boot counter may be out of reach.
    const bool was_good = verdict && !verdict->on_trial && !bench.boot.on_trial;
    if (!verdict || !fits_this_boot(bench, *verdict) || (verdict->outcome != Outcome::kPassed && !was_good)) {
        return false; // a boot that ended before its checks says nothing about the machine
    }
    TRY(keep_what_is(bench));
    return true;
}

} // namespace ballast::updater::health
