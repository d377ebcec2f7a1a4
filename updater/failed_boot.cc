// SPDX-License-Identifier: Apache-2.0
#include "updater/failed_boot.h"

#include <algorithm>
#include <chrono>

#include "base/quote.h"
#include "base/subprocess.h"
#include "updater/boot_entries.h"

namespace ballast::updater {
namespace {

constexpr int kBootsBack = 6; // a trial has three starts
constexpr std::size_t kMostLines = 20;
constexpr std::size_t kLongestLine = 300;

std::vector<std::string> journal(const std::string &boot, std::vector<std::string> selection) {
    std::vector<std::string> arguments{"journalctl", "--quiet", "--no-pager", "--output=short-monotonic",
                                       "--boot=" + boot};
    arguments.insert(arguments.end(), selection.begin(), selection.end());
    const Result<Completed> completed = run({.arguments = std::move(arguments), .timeout = std::chrono::seconds(60)});
    std::vector<std::string> lines;
    std::string_view text = completed.has_value() && completed->status == 0 ? std::string_view(completed->output) : "";
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (end > 0) {
            lines.push_back(escaped(text.substr(0, std::min(end, kLongestLine))));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

void keep_last(std::vector<std::string> &lines, std::size_t most) {
    if (lines.size() > most) {
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
    }
}

} // namespace

std::string failure_reason(const std::vector<std::string> &health, const std::vector<std::string> &failures) {
    if (!health.empty()) {
        return "its health checks did not pass";
    }
    if (!failures.empty()) {
        return "it started, and did not become ready";
    }
    return "it did not come as far as its journal: kernel, initramfs or root file system";
}

Evidence look_at_failed_boots(const std::string &name) {
    // The newest start tells most; older ones were the same, or the machine would not have tried again.
    for (int back = 1; back <= kBootsBack; back++) {
        const std::string boot = "-" + std::to_string(back);
        const std::string argument = std::string(kDeploymentArgument) + "=ostree-" + name;
        if (journal(boot, {"--dmesg", "--grep=" + argument, "--lines=1"}).empty()) {
            continue;
        }
        std::vector<std::string> health = journal(boot, {"--unit=ballast-health.service", "--lines=20"});
        std::vector<std::string> failures = journal(boot, {"--priority=err", "--lines=20"});
        Evidence evidence{.reason = failure_reason(health, failures), .journal = std::move(health)};
        evidence.journal.insert(evidence.journal.end(), failures.begin(), failures.end());
        keep_last(evidence.journal, kMostLines);
        return evidence;
    }
    return {.reason = failure_reason({}, {}), .journal = {}};
}

} // namespace ballast::updater
