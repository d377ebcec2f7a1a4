// SPDX-License-Identifier: Apache-2.0
#include "updater/failed_boot.h"

#include <algorithm>
#include <chrono>

#include "base/lines.h"
#include "base/quote.h"
#include "base/subprocess.h"
#include "updater/boot_entries.h"
#include "updater/boot_result.h"
#include "updater/health/report.h"

namespace ballast::updater {
namespace {

constexpr int kBootsBack = 6; // a trial has three starts
constexpr std::size_t kMostLines = 20;
constexpr std::size_t kLongestLine = 300;
constexpr const char *kNotReady = "it started, and did not become ready";

std::vector<std::string> journal(const std::string &boot, std::vector<std::string> selection) {
    std::vector<std::string> arguments{"journalctl", "--quiet", "--no-pager", "--output=short-monotonic",
                                       "--boot=" + boot};
    arguments.insert(arguments.end(), selection.begin(), selection.end());
    const Result<Completed> completed = run({.arguments = std::move(arguments), .timeout = std::chrono::seconds(60)});
    std::vector<std::string> lines;
    if (completed.has_value() && completed->status == 0) {
        for (const std::string &line : lines_of(completed->output)) {
            lines.push_back(escaped(line.substr(0, kLongestLine)));
        }
    }
    return lines;
}

void keep_last(std::vector<std::string> &lines, std::size_t most) {
    if (lines.size() > most) {
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
    }
}

} // namespace

Evidence look_at_failed_boots(const std::string &name) {
    // The health checks have kept what they saw; a boot that did not come as far as them was judged by the next one.
    for (const health::Report &report : health::failed_reports(health::kStateDirectory)) {
        if (deployment_name(report.deployment) == name) {
            Evidence evidence{.reason = health::reason(report), .journal = report.journal};
            keep_last(evidence.journal, kMostLines);
            return evidence;
        }
    }
    // The newest start tells most; older ones were the same, or the machine would not have tried again.
    for (int back = 1; back <= kBootsBack; back++) {
        const std::string boot = "-" + std::to_string(back);
        const std::string argument = std::string(kDeploymentArgument) + "=ostree-" + name;
        if (journal(boot, {"--dmesg", "--grep=" + argument, "--lines=1"}).empty()) {
            continue;
        }
        std::vector<std::string> failures = journal(boot, {"--priority=err", "--lines=20"});
        return {.reason = kNotReady, .journal = std::move(failures)};
    }
    return {.reason = health::kNoJournal, .journal = {}};
}

} // namespace ballast::updater
