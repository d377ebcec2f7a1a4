// SPDX-License-Identifier: Apache-2.0
#include "updater/health/report.h"

#include <catch2/catch_test_macros.hpp>
#include <sys/stat.h>

#include "tests/unit/check.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;

constexpr const char *kBad = "ostree-00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff.0-01234567";
constexpr const char *kOther = "ostree-ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff.0-01234567";

Report failed_on_trial() {
    return {.deployment = kBad,
            .version = "1.2.3",
            .boot = "0123456789abcdef0123456789abcdef",
            .time = 1'700'000'000,
            .on_trial = true,
            .tries_left = 2,
            .outcome = Outcome::kRestarting,
            .checks = {{.name = "engine",
                        .required = true,
                        .passed = true,
                        .message = "answers",
                        .duration = std::chrono::milliseconds(12),
                        .evidence = {}},
                       {.name = "required.d/10-disk",
                        .required = true,
                        .passed = false,
                        .message = "exit status 3",
                        .duration = std::chrono::milliseconds(1500),
                        .evidence = {"the disk is gone"}},
                       {.name = "source",
                        .required = false,
                        .passed = false,
                        .message = "no answer",
                        .duration = {},
                        .evidence = {}}},
            .journal = {"kernel: oops"}};
}

mode_t mode_of(const fs::path &path) {
    struct stat status{};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

} // namespace

TEST_CASE("a health report reads as it was written", "[health]") {
    const Report report = failed_on_trial();
    CHECK(must(parse_report(format_report(report), "x")) == report);
}

TEST_CASE("a health report for people has a line for each check, which cannot steer a terminal", "[health]") {
    Report report = failed_on_trial();
    report.checks[1].message = "\x1b[2J";
    CHECK(report_text(report) == "well    engine                   answers\n"
                                 "FAILED  required.d/10-disk       \\x1b[2J\n"
                                 "warning source                   no answer\n");
}

TEST_CASE("the reason names the required checks that failed and no others", "[health]") {
    Report report = failed_on_trial();
    CHECK(reason(report) == "health check required.d/10-disk: exit status 3");
    report.checks[0].passed = false;
    CHECK(reason(report) == "health check engine: answers; health check required.d/10-disk: exit status 3");
    report.outcome = Outcome::kPassed;
    CHECK(reason(report).empty());
}

TEST_CASE("a boot without verdict gives its last error as the reason", "[health]") {
    Report report = failed_on_trial();
    report.outcome = Outcome::kUnfinished;
    report.checks.clear();
    CHECK(reason(report) == "it did not come to a verdict; its last error: kernel: oops");
    report.journal.clear();
    CHECK(reason(report) == "it did not come far enough to say why");
    report.boot.clear();
    CHECK(reason(report) == kNoJournal);
}

TEST_CASE("lines of a health report are cut, and cannot steer a terminal", "[health]") {
    Report report = failed_on_trial();
    report.checks[1].evidence.assign(kMostLines + 5, std::string(kLongestLine + 5, 'x'));
    report.checks[1].evidence.back() = "\x1b[2Jlast";
    report.checks[1].message = "bad \xff byte";
    const Report read = must(parse_report(format_report(report), "x"));
    REQUIRE(read.checks[1].evidence.size() == kMostLines);
    CHECK(read.checks[1].evidence.front() == std::string(kLongestLine, 'x'));
    CHECK(read.checks[1].evidence.back() == "\\x1b[2Jlast");
    CHECK(read.checks[1].message == "bad \\xff byte");
}

TEST_CASE("the report of a failed trial outlives the reports of the next boots", "[health]") {
    const TemporaryDirectory directory = scratch();
    const fs::path state = directory.path() / "health";
    CHECK(!last_report(state).has_value());
    CHECK(failed_reports(state).empty());
    must(keep_report(state, failed_on_trial()));
    const Report good{.deployment = kOther, .version = "1.2.2", .time = 1'700'000'100};
    must(keep_report(state, good));

    CHECK(last_report(state) == good);
    CHECK(failed_report(state, kBad) == failed_on_trial());
    CHECK(!failed_report(state, kOther).has_value());
    CHECK(failed_reports(state).size() == 1);
    CHECK(mode_of(state) == 0700);
    CHECK(mode_of(state / "last.json") == 0600);

    must(forget_failed(state, kBad));
    must(forget_failed(state, kBad));
    CHECK(failed_reports(state).empty());
}

TEST_CASE("a failure of a deployment that is not on trial is only the last report", "[health]") {
    const TemporaryDirectory directory = scratch();
    Report report = failed_on_trial();
    report.on_trial = false;
    report.outcome = Outcome::kFailed;
    must(keep_report(directory.path(), report));
    CHECK(last_report(directory.path()) == report);
    CHECK(failed_reports(directory.path()).empty());
}

TEST_CASE("a damaged health report hides no other one", "[health]") {
    const TemporaryDirectory directory = scratch();
    must(keep_report(directory.path(), failed_on_trial()));
    must(write_file(directory.path() / "failed" / (std::string(kOther) + ".json"), "{\"deployment\": 1}"));
    must(write_file(directory.path() / "failed/.ballast.Ab12Cd", "half"));
    must(write_file(directory.path() / "last.json", ""));
    CHECK(failed_reports(directory.path()) == std::vector{failed_on_trial()});
    CHECK(!last_report(directory.path()).has_value());
}

TEST_CASE("a health report never leaves its directory by the deployment's name", "[health]") {
    const TemporaryDirectory directory = scratch();
    Report report = failed_on_trial();
    report.deployment = "../escaped";
    CHECK(error_of(keep_report(directory.path() / "health", report)).code == EINVAL);
    CHECK(!fs::exists(directory.path() / "escaped.json"));
    CHECK(error_of(forget_failed(directory.path(), "../x")).code == EINVAL);
}

TEST_CASE("a health report with a missing or wrong member is refused by its name", "[health]") {
    std::string text = format_report(failed_on_trial());
    text.replace(text.find("\"restarting\""), 12, "\"perhaps\"");
    CHECK(error_of(parse_report(text, "file")).message.contains("outcome"));
    CHECK(error_of(parse_report("{}", "file")).message.contains("file"));
}

} // namespace ballast::updater::health
