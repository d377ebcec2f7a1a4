// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What the health checks of one boot said, and the files that keep it over a rollback. Below kStateDirectory (0700):
//   last.json               the boot that was judged last
//   failed/DEPLOYMENT.json  the last boot of a deployment that failed while it was on trial, until forget_failed()
//   baseline.json           how the machine was while it was good: baseline.h
// Every file is replaced as a whole. /var is the machine's own, so all deployments read the same ones.
namespace ballast::updater::health {

inline constexpr const char *kStateDirectory = "/var/lib/ballast-updater/health";

struct CheckResult {
    std::string name;     // "units", "engine", ...; of an operator's script "required.d/10-disk"
    bool required = true; // false: a failure is a warning
    bool passed = false;
    std::string message = {}; // one line: what was found, and what to do about it when it failed
    std::chrono::milliseconds duration = {};
    std::vector<std::string> evidence =
        {}; // a script's output, the journal of the units that failed; at most kMostLines

    bool operator==(const CheckResult &) const = default;
};
inline constexpr std::size_t kMostLines = 100; // the last ones
inline constexpr std::size_t kLongestLine = 1000;

enum class Outcome {
    kPassed,     // every required check passed
    kFailed,     // one failed, and the machine stays up: its deployment was good before, or there is no other
    kRestarting, // one failed on trial: the machine restarts, and the boot loader counts
    kUnfinished, // on trial, and the boot came to no verdict: too long, or it ended before (journal: what there is)
};

struct Report {
    std::string deployment = {}; // its id (boot_entries.h); empty: not started from the boot menu
    std::string version = {};    // VERSION_ID of that deployment's os-release; empty: not known
    std::string boot = {};       // boot id, 32 hexadecimal digits; empty: not known
    std::int64_t time = 0;       // of the verdict, seconds since 1970
    bool on_trial = false;
    unsigned tries_left = 0; // starts that the boot loader still gives it, when on trial
    Outcome outcome = Outcome::kPassed;
    std::vector<CheckResult> checks = {};  // in the order they ran
    std::vector<std::string> journal = {}; // errors of that boot, newest last, at most kMostLines

    bool operator==(const Report &) const = default;
};

// The reason of a boot that kept nothing.
inline constexpr const char *kNoJournal =
    "it did not come as far as its journal: kernel, initramfs or root file system";

// The required checks that failed, or what an unfinished boot ended with: one line for people, "health check units:
// ballastd.service failed". Empty for kPassed.
std::string reason(const Report &report);

// For people: a line for each check.
std::string report_text(const Report &report);

// JSON, as in the files and for machines. EINVAL names the member that is missing or wrong.
std::string format_report(const Report &report);
Result<Report> parse_report(std::string_view text, const std::string &name);

// `directory` is kStateDirectory, made when missing. Durable once it returns: last.json, and for a boot that failed on
// trial failed/DEPLOYMENT.json before it.
Status keep_report(const std::filesystem::path &directory, const Report &report);

// Nothing when there is none. A file that does not read is none either, and is reported by a warning in the log.
std::optional<Report> last_report(const std::filesystem::path &directory);
std::optional<Report> failed_report(const std::filesystem::path &directory, const std::string &deployment);

// Of all deployments, oldest first.
std::vector<Report> failed_reports(const std::filesystem::path &directory);

// Drops what is kept of a deployment that is gone, or may be tried anew. Missing is fine.
Status forget_failed(const std::filesystem::path &directory, const std::string &deployment);

} // namespace ballast::updater::health
