// SPDX-License-Identifier: Apache-2.0
#include "updater/health/report.h"

#include <algorithm>
#include <array>
#include <format>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/log.h"
#include "base/quote.h"
#include "updater/boot_entries.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kLast = "last.json";
constexpr std::string_view kFailed = "failed";
constexpr std::string_view kExtension = ".json";
constexpr mode_t kPrivateDirectory = 0700, kPrivateFile = 0600;

constexpr std::array<NamedNumber, 4> kOutcomes{{
    {"passed", static_cast<std::uint64_t>(Outcome::kPassed)},
    {"failed", static_cast<std::uint64_t>(Outcome::kFailed)},
    {"restarting", static_cast<std::uint64_t>(Outcome::kRestarting)},
    {"unfinished", static_cast<std::uint64_t>(Outcome::kUnfinished)},
}};

// The last lines, each made safe for a terminal and cut.
Json lines_json(const std::vector<std::string> &lines) {
    Json list = Json::array();
    const std::size_t first = lines.size() - std::min(lines.size(), kMostLines);
    for (std::size_t line = first; line < lines.size(); line++) {
        list.push_back(escaped(std::string_view(lines[line]).substr(0, kLongestLine)));
    }
    return list;
}

Json check_json(const CheckResult &check) {
    return {{"name", escaped(check.name)},
            {"required", check.required},
            {"passed", check.passed},
            {"message", escaped(check.message)},
            {"milliseconds", check.duration.count()},
            {"evidence", lines_json(check.evidence)}};
}

CheckResult read_check(const JsonCursor &from) {
    return {.name = from.need("name").text(),
            .required = from.need("required").boolean(),
            .passed = from.need("passed").boolean(),
            .message = from.need("message").text(),
            .duration = std::chrono::milliseconds(from.need("milliseconds").number<std::int64_t>(0)),
            .evidence = from.at("evidence").texts()};
}

fs::path failed_file(const fs::path &directory, const std::string &deployment) {
    return directory / kFailed / (deployment + std::string(kExtension));
}

Result<Report> load(const fs::path &file) { return parse_report(TRY(read_file(file)), file.string()); }

// What cannot be read is worth a line, and no more: the machine is judged without it.
std::optional<Report> load_or_nothing(const fs::path &file) {
    Result<Report> report = load(file);
    if (report.has_value()) {
        return std::move(*report);
    }
    if (report.error().code != ENOENT) {
        log::warning("read a health report: " + report.error().message + ", ignoring");
    }
    return std::nullopt;
}

} // namespace

std::string reason(const Report &report) {
    if (report.outcome == Outcome::kPassed) {
        return {};
    }
    std::string text;
    for (const CheckResult &check : report.checks) {
        if (check.required && !check.passed) {
            text += (text.empty() ? "health check " : "; health check ") + check.name + ": " + check.message;
        }
    }
    if (!text.empty()) {
        return text;
    }
    if (report.boot.empty()) {
        return kNoJournal;
    }
    return report.journal.empty() ? "it did not come far enough to say why"
                                  : "it did not come to a verdict; its last error: " + report.journal.back();
}

std::string report_text(const Report &report) {
    std::string text;
    for (const CheckResult &check : report.checks) {
        const char *verdict = check.passed ? "well" : check.required ? "FAILED" : "warning";
        text += std::format("{:<7} {:<24} {}\n", verdict, escaped(check.name), escaped(check.message));
    }
    return text;
}

std::string format_report(const Report &report) {
    Json checks = Json::array();
    for (const CheckResult &check : report.checks) {
        checks.push_back(check_json(check));
    }
    const Json json = {{"deployment", report.deployment},
                       {"version", escaped(report.version)},
                       {"boot", report.boot},
                       {"time", report.time},
                       {"on-trial", report.on_trial},
                       {"tries-left", report.tries_left},
                       {"outcome", kOutcomes.at(static_cast<std::size_t>(report.outcome)).name},
                       {"reason", escaped(reason(report))},
                       {"checks", std::move(checks)},
                       {"journal", lines_json(report.journal)}};
    return json.dump(1) + "\n";
}

Result<Report> parse_report(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    Report report{.deployment = root.need("deployment").text(),
                  .version = root.at("version").text(),
                  .boot = root.at("boot").text(),
                  .time = root.need("time").number<std::int64_t>(0),
                  .on_trial = root.need("on-trial").boolean(),
                  .tries_left = root.at("tries-left").number<unsigned>(),
                  .outcome = Outcome::kPassed,
                  .checks = {},
                  .journal = root.at("journal").texts()};
    if (const NamedNumber *outcome = root.need("outcome").one_of(kOutcomes, "outcomes"); outcome != nullptr) {
        report.outcome = static_cast<Outcome>(outcome->number);
    }
    for (const JsonCursor check : root.need("checks").items()) {
        report.checks.push_back(read_check(check));
    }
    TRY(document.status());
    return report;
}

Status keep_report(const fs::path &directory, const Report &report) {
    TRY(make_directories(directory / kFailed, kPrivateDirectory));
    const std::string text = format_report(report);
    if (report.on_trial && report.outcome != Outcome::kPassed) {
        if (!is_deployment_id(report.deployment)) {
            return fail(EINVAL, "keep a health report: not a deployment's id: " + quote(report.deployment));
        }
        TRY(replace_file(failed_file(directory, report.deployment), text, kPrivateFile));
    }
    return replace_file(directory / kLast, text, kPrivateFile);
}

std::optional<Report> last_report(const fs::path &directory) { return load_or_nothing(directory / kLast); }

std::optional<Report> failed_report(const fs::path &directory, const std::string &deployment) {
    return is_deployment_id(deployment) ? load_or_nothing(failed_file(directory, deployment)) : std::nullopt;
}

std::vector<Report> failed_reports(const fs::path &directory) {
    std::vector<Report> reports;
    std::error_code none; // no directory: nothing ever failed
    for (const auto &entry : fs::directory_iterator(directory / kFailed, none)) {
        if (entry.path().extension() != kExtension) {
            continue; // what a power cut left
        }
        if (std::optional<Report> report = load_or_nothing(entry.path()); report.has_value()) {
            reports.push_back(std::move(*report));
        }
    }
    std::ranges::sort(reports, {}, [](const Report &report) { return std::pair(report.time, report.deployment); });
    return reports;
}

Status forget_failed(const fs::path &directory, const std::string &deployment) {
    if (!is_deployment_id(deployment)) {
        return fail(EINVAL, "not a deployment's id: " + quote(deployment));
    }
    std::error_code error;
    if (fs::remove(failed_file(directory, deployment), error)) {
        return sync_directory(directory / kFailed);
    }
    if (error) {
        return fail_errno("remove " + failed_file(directory, deployment).string(), error.value());
    }
    return {};
}

} // namespace ballast::updater::health
