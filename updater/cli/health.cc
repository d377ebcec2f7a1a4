// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <format>
#include <unistd.h>

#include "base/quote.h"
#include "updater/cli/commands.h"
#include "updater/health/report.h"

namespace ballast::updater::cli {
namespace {

constexpr const char *kProgram = "/usr/lib/ballast/ballast-health";

void complain(const std::string &what) { (void)std::fprintf(stderr, "ballast: %s\n", what.c_str()); }

// Only returns when it cannot.
int become_checks(bool json) {
    const char *arguments[] = {kProgram, "run", json ? "--json" : nullptr, nullptr};
    ::execv(kProgram, const_cast<char *const *>(arguments)); // execv(3) changes none of them
    complain(std::string(kProgram) + ": " + std::strerror(errno));
    return kFailed;
}

std::string verdict(const health::Report &report) {
    const std::string version = report.version.empty() ? "this system" : escaped(report.version);
    const std::string why = report.outcome == health::Outcome::kPassed ? "" : ": " + escaped(health::reason(report));
    return std::format("{} {}{}\n", version, report.outcome == health::Outcome::kPassed ? "is well" : "is not well",
                       why);
}

} // namespace

int health(bool run, bool json) {
    if (run) {
        return become_checks(json);
    }
    if (::access(health::kStateDirectory, X_OK) != 0 && errno == EACCES) {
        complain("the reports of the health checks are for root");
        return kFailed;
    }
    const std::optional<health::Report> report = health::last_report(health::kStateDirectory);
    if (!report) {
        complain("no boot of this machine has been judged yet; \"ballast health --run\" runs the checks now");
        return kFailed;
    }
    const std::string text = json ? health::format_report(*report) : verdict(*report) + health::report_text(*report);
    (void)std::fputs(text.c_str(), stdout);
    return report->outcome == health::Outcome::kPassed ? kDone : kFailed;
}

} // namespace ballast::updater::cli
