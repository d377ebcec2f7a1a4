// SPDX-License-Identifier: Apache-2.0
// ballast-health VERB: is this machine well, and what follows from it?
//
//   boot     judges this boot, once: ballast-health.service. Success lets boot-complete.target be reached; a required
//            failure on trial restarts the machine.
//   late     ends a boot on trial that has come to no verdict: ballast-health-deadline.service
//   record   keeps what a good machine is like, before it goes down: ballast-health-record.service
//   run      runs the checks and prints them; nothing else follows
//
// Exit code 0: every required check passed, or there was nothing to do; 1: one failed; 2: a call that is wrong; 3: the
// checks could not be run.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <format>

#include "base/log.h"
#include "base/quote.h"
#include "updater/health/checks.h"
#include "updater/health/machine.h"

namespace ballast::updater::health {
namespace {

constexpr int kWell = 0, kNotWell = 1, kUsage = 2, kBroken = 3;

// A configuration that does not read must not take a version back that it was written for: the defaults serve, and the
// error is told.
HealthConfig configuration() {
    Result<HealthConfig> config = load_health_config(kHealthFile);
    if (!config.has_value()) {
        log::error("read the configuration of the health checks: " + config.error().message +
                   "; the defaults are used instead");
    }
    return config.value_or(HealthConfig());
}

void tell(const CheckResult &check) {
    const std::string text = std::format("{}: {} ({} ms)", check.name, check.message, check.duration.count());
    if (check.passed) {
        log::info(text, {{"CHECK", check.name}});
        return;
    }
    log::write(check.required ? log::Level::kError : log::Level::kWarning, text, {{"CHECK", check.name}});
    for (const std::string &line : check.evidence) {
        log::info("    " + line, {{"CHECK", check.name}});
    }
}

Result<int> boot(const Bench &bench) {
    const Report report = TRY(judge_boot(bench));
    std::ranges::for_each(report.checks, tell);
    return report.outcome == Outcome::kPassed ? kWell : kNotWell;
}

Result<int> late(const Bench &bench) {
    if (!TRY(end_late_boot(bench)).has_value()) {
        log::info("This boot is judged, or not on trial: nothing to do");
    }
    return kWell;
}

Result<int> record(const Bench &bench) {
    log::info(TRY(record_baseline(bench)) ? "What runs here is recorded for the next version"
                                          : "This boot has not proven itself: what was recorded before stays");
    return kWell;
}

int print(const Bench &bench, bool json) {
    Report report{.deployment = bench.boot.deployment,
                  .version = bench.boot.version,
                  .boot = bench.boot.boot,
                  .time = bench.machine.clock().now,
                  .on_trial = bench.boot.on_trial,
                  .tries_left = bench.boot.tries_left};
    report.checks = run_checks(bench.config, bench.machine);
    report.outcome = outcome_of(bench.boot, report.checks) == Outcome::kPassed ? Outcome::kPassed : Outcome::kFailed;
    (void)std::fputs((json ? format_report(report) : report_text(report)).c_str(), stdout); // nobody listens: no matter
    return report.outcome == Outcome::kPassed ? kWell : kNotWell;
}

Result<int> run(const std::string &verb, bool json) {
    const UpdaterConfig updater = updater_config_or_defaults(kUpdaterFile);
    HealthConfig config = configuration();
    config.sources = updater.urls;
    config.source_mistake = updater.mistake;
    BootFacts facts = TRY(look_at_boot("/"));
    const Surroundings machine = this_machine(facts, updater);
    const Bench bench = this_bench(config, machine, std::move(facts));
    if (verb == "boot") {
        return boot(bench);
    }
    if (verb == "late") {
        return late(bench);
    }
    return verb == "record" ? record(bench) : Result<int>(print(bench, json));
}

} // namespace
} // namespace ballast::updater::health

int main(int argc, char **argv) {
    using namespace ballast::updater::health;
    try {
        CLI::App app("Judges the health of this machine.");
        app.require_subcommand(1);
        bool json = false;
        app.add_subcommand("boot", "judge this boot, as ballast-health.service does");
        app.add_subcommand("late", "end a boot on trial that has come to no verdict");
        app.add_subcommand("record", "keep what a good machine is like");
        app.add_subcommand("run", "run the checks and print them")->add_flag("--json", json, "for machines");
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError &error) {
            return app.exit(error) == 0 ? kWell : kUsage;
        }
        const ballast::Result<int> status = run(app.get_subcommands().front()->get_name(), json);
        if (!status.has_value()) {
            ballast::log::error("judge this machine: " + status.error().message);
            return kBroken;
        }
        return *status;
    } catch (const std::exception &error) {
        ballast::log::error(std::string("judge this machine: ") + error.what());
        return kBroken;
    }
}
