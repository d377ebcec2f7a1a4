// SPDX-License-Identifier: Apache-2.0
#include "updater/record.h"

#include <catch2/generators/catch_generators.hpp>
#include <filesystem>
#include <sys/stat.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;

namespace {

Record full_record() {
    return {.state = State::kWaiting,
            .since = 1000,
            .expected =
                Expected{.checksum = "aa", .version = "2", .from_checksum = "bb", .from_version = "1", .prepared = 900},
            .refused = {{.checksum = "cc",
                         .version = "3",
                         .reason = "engine: no answer",
                         .journal = {"line \"one\"", "line two"},
                         .when = 800,
                         .acknowledged = true}},
            .last_check = LastCheck{.when = 950, .succeeded = true, .outcome = "2 is available", .succeeded_when = 950},
            .lock_held = true,
            .drained = true,
            .newest_timestamp = 12345678901ULL};
}

} // namespace

TEST_CASE("a record comes back as it was saved, readable by root alone", "[updater]") {
    const TemporaryDirectory directory = scratch();
    must(save_record(directory.path() / "new", full_record()));
    const LoadedRecord loaded = load_record(directory.path() / "new");
    REQUIRE(loaded.trouble.empty());
    REQUIRE(loaded.record == full_record());
    REQUIRE((std::filesystem::status(directory.path() / "new/state.json").permissions() &
             std::filesystem::perms::mask) == std::filesystem::perms(0600));
}

TEST_CASE("a record that is missing is a fresh one, without a word", "[updater]") {
    const LoadedRecord loaded = load_record("/nonexistent");
    REQUIRE(loaded.record == Record{});
    REQUIRE(loaded.trouble.empty());
}

TEST_CASE("a record that makes no sense is a fresh one and says why", "[updater]") {
    const std::string whole = record_text(full_record());
    const auto text = GENERATE_COPY(values<std::string>(
        {"", "not JSON", "{}", "[]", R"({"format": 2, "state": "idle"})", R"({"format": 1, "state": "happy"})",
         R"({"format": 1, "state": 3})", R"({"format": 1, "state": "idle", "refused": [{"version": "1"}]})",
         R"({"format": 1, "state": "idle", "since": -4})", std::string(whole.size(), '\0'), whole.substr(0, 100)}));
    CAPTURE(text);
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "state.json", text));
    const LoadedRecord loaded = load_record(directory.path());
    REQUIRE(loaded.record == Record{});
    REQUIRE(loaded.trouble.contains("state.json"));
    must(save_record(directory.path(), full_record())); // and it can be saved again
    REQUIRE(load_record(directory.path()).record == full_record());
}

TEST_CASE("every prefix of a record is a whole record or none", "[updater]") {
    const std::string whole = record_text(full_record());
    for (std::size_t size = 0; size + 2 < whole.size(); size++) {
        REQUIRE_FALSE(parse_record(whole.substr(0, size), "f").has_value());
    }
}

TEST_CASE("only so many refused versions are remembered, the newest ones", "[updater]") {
    Record record;
    for (std::size_t index = 0; index < kMostRefused + 3; index++) {
        record.refused.push_back({.checksum = std::to_string(index), .version = {}, .reason = {}, .journal = {}});
    }
    const Record read = must(parse_record(record_text(record), "f"));
    REQUIRE(read.refused.size() == kMostRefused);
    REQUIRE(read.refused.front().checksum == "3");
    REQUIRE(read.refused.back().checksum == std::to_string(kMostRefused + 2));
}

TEST_CASE("history keeps its order and drops what is too old or broken", "[updater]") {
    const TemporaryDirectory directory = scratch();
    REQUIRE(load_history(directory.path()).empty());
    must(add_history(directory.path(), {.when = 1, .what = "staged", .version = "2", .checksum = "aa", .detail = "x"}));
    const std::string line = must(read_file(directory.path() / "history.jsonl"));
    must(write_file(directory.path() / "history.jsonl", line + "{\"when\": 2, \"wh\nrubbish\n\n"));
    must(add_history(directory.path(), {.when = 3, .what = "updated", .version = "2", .checksum = "aa", .detail = {}}));
    const std::vector<HistoryEntry> entries = load_history(directory.path());
    REQUIRE(entries.size() == 2);
    REQUIRE(entries[0].what == "staged");
    REQUIRE(entries[0].detail == "x");
    REQUIRE(entries[1].when == 3);
    for (std::size_t index = 0; index < kMostHistory; index++) {
        must(
            add_history(directory.path(), {.when = 4, .what = "checked", .version = {}, .checksum = {}, .detail = {}}));
    }
    REQUIRE(load_history(directory.path()).size() == kMostHistory);
    REQUIRE(load_history(directory.path()).front().when == 4);
}
