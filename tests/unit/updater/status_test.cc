// SPDX-License-Identifier: Apache-2.0
#include "updater/status.h"

#include <algorithm>

#include "tests/unit/check.h"
#include "tests/unit/updater/fake_host.h"
#include "updater/cli/progress.h"

using namespace ballast;
using namespace ballast::updater;

namespace {

StatusFacts facts_of(const FakeHost &host) {
    StatusFacts facts{.snapshot = {},
                      .deployments = host.list,
                      .boot = host.facts,
                      .strategy = "manual",
                      .urls = {},
                      .etc_conflicts = {},
                      .trouble = {}};
    facts.snapshot.record.since = 1'790'000'000;
    return facts;
}

std::string text_of(const StatusFacts &facts) { return must(status_text(status_json(facts), 1'790'007'200)); }

} // namespace

TEST_CASE("a quiet machine's status is three lines", "[updater]") {
    const FakeHost host;
    CHECK(text_of(facts_of(host)) == "State       idle, since 2026-09-21 14:13 UTC\n"
                                     "Running     1 (111111111111), follows ballast:ballast/stable/x86_64/cloud\n"
                                     "Last asked  never\n");
}

TEST_CASE("the status fits a screen even when everything happens at once", "[updater]") {
    FakeHost host;
    must(host.deploy({.checksum = checksum('2'), .refspec = kStable}));
    host.list.push_back(
        {.commit = commit('0'), .refspec = kStable, .pinned = true, .kernel_arguments = {}, .directory = {}});
    StatusFacts facts = facts_of(host);
    Record &record = facts.snapshot.record;
    record.state = State::kWaiting;
    facts.snapshot.waiting_for = {"first reason", "second reason"};
    record.last_check =
        LastCheck{.when = 1'790'000'000, .succeeded = false, .outcome = "no route", .succeeded_when = 1'789'000'000};
    record.refused = {
        {.checksum = checksum('9'),
         .version = "9",
         .reason = "health check engine: no answer",
         .journal = {"a line\033[2J", "another"},
         .when = 1'790'000'000},
        {.checksum = checksum('8'), .version = "8", .reason = "old", .journal = {}, .acknowledged = true}};
    facts.etc_conflicts = {"ssh/sshd_config"};
    facts.trouble = "something is odd";
    const std::string text = text_of(facts);
    CAPTURE(text);
    CHECK(text.contains("Next        2 (222222222222), taken by the next restart\n"));
    CHECK(text.contains("Previous    0 (000000000000), pinned\n"));
    CHECK(text.contains("Waits for   first reason\n            second reason\n"));
    CHECK(text.contains("Last asked  2 h ago: no route\n            last answer: 11 days ago\n"));
    CHECK(text.contains("Rolled back 9 (999999999999) at 2026-09-21 14:13 UTC: health check engine: no answer\n"));
    CHECK(text.contains("    another\n"));
    CHECK_FALSE(text.contains('\033'));
    CHECK_FALSE(text.contains("old"));
    CHECK(text.contains("Conflicts   ssh/sshd_config: yours stays"));
    CHECK(text.contains("Trouble     something is odd\n"));
    CHECK(std::ranges::count(text, '\n') <= 24);
}

TEST_CASE("a download is told in bytes and by its rate", "[updater]") {
    const FakeHost host;
    StatusFacts facts = facts_of(host);
    facts.snapshot.record.state = State::kDownloading;
    facts.snapshot.progress = {.bytes = 120 << 20, .total_bytes = 240 << 20, .rate = 8 << 20};
    CHECK(text_of(facts).contains("downloading, since 2026-09-21 14:13 UTC: 120 MiB of at most 240 MiB, 8.0 MiB/s\n"));
}

TEST_CASE("an answer that is not ours is an error", "[updater]") {
    CHECK_FALSE(status_text("", 0).has_value());
    CHECK_FALSE(status_text("{}", 0).has_value());
    CHECK_FALSE(status_text(R"({"state": 7})", 0).has_value());
    CHECK_FALSE(history_text(R"([{"when": 1}])").has_value());
}

TEST_CASE("history is one line an event", "[updater]") {
    const std::string json =
        history_json({{.when = 1'790'000'000, .what = "staged", .version = "2", .checksum = "a", .detail = {}},
                      {.when = 1'790'000'060, .what = "updated", .version = "2", .checksum = "a", .detail = "from 1"}});
    CHECK(must(history_text(json)) == "2026-09-21 14:13 UTC  staged 2\n"
                                      "2026-09-21 14:14 UTC  updated 2: from 1\n");
}

TEST_CASE("the bar fits its terminal", "[updater]") {
    const PullProgress half{
        .bytes = 120 << 20, .total_bytes = 240 << 20, .objects = 5, .total_objects = 10, .rate = 1 << 20};
    CHECK(cli::progress_line("2", half, 80) ==
          "2  [" + std::string(19, '#') + std::string(19, ' ') + "]   50%  120 MiB of 240 MiB  1.0 MiB/s");
    for (std::size_t columns = 0; columns < 200; columns++) {
        CHECK(cli::progress_line("1.20260701.0", half, columns).size() <= columns);
    }
    CHECK(cli::progress_line("2", {}, 80).contains("100%"));
}
