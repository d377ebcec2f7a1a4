// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "updater/state.h"

// What the updater must remember across restarts of itself and of the machine:
//   /var/lib/ballast-updater/state.json      the record, replaced atomically
//   /var/lib/ballast-updater/history.jsonl   what happened, one JSON object a line, the newest last
// What runs and what is prepared is asked of libostree and the boot loader, never of these files. Losing them costs the
// story that they tell, and that a refused version is known as such.
namespace ballast::updater {

inline constexpr const char *kStateDirectory = "/var/lib/ballast-updater";

// A deployment that is to be judged on its first boots.
struct Expected {
    std::string checksum, version;
    std::string from_checksum, from_version; // what runs, or ran, before it
    std::int64_t prepared = 0;               // seconds since the epoch

    bool operator==(const Expected &) const = default;
};

// A deployment that did not prove itself.
struct Refused {
    std::string checksum, version;
    std::string reason;               // one sentence
    std::vector<std::string> journal; // lines of the failed boot that show it
    std::int64_t when = 0;
    bool acknowledged = false; // an operator has seen it

    bool operator==(const Refused &) const = default;
};

struct LastCheck {
    std::int64_t when = 0;
    bool succeeded = false;
    std::string outcome;             // "1.20260701.0 is available", or what went wrong
    std::int64_t succeeded_when = 0; // the last success before or at `when`; 0: never

    bool operator==(const LastCheck &) const = default;
};

struct Record {
    State state = State::kIdle;
    std::int64_t since = 0;
    std::optional<Expected> expected = {};
    std::vector<Refused> refused = {}; // oldest first
    std::optional<LastCheck> last_check = {};
    bool lock_held = false;             // the reboot lock of the fleet
    bool drained = false;               // the workloads were asked to leave, and not yet to come back
    std::uint64_t newest_timestamp = 0; // of all commits that were ever good here: nothing older is taken unasked

    bool operator==(const Record &) const = default;
};

inline constexpr std::size_t kMostRefused = 8; // older ones are forgotten

std::string record_text(const Record &record);
Result<Record> parse_record(std::string_view text, const std::string &name);

struct LoadedRecord {
    Record record;
    std::string trouble; // why the record is a fresh one although a file was there; empty: all is well
};

// Never fails: a file that is missing or makes no sense is a fresh record.
LoadedRecord load_record(const std::filesystem::path &directory);
Status save_record(const std::filesystem::path &directory, const Record &record);

struct HistoryEntry {
    std::int64_t when = 0;
    std::string what; // "staged", "updated", "rolled-back", "refused", "rollback", "rebased", "kernel-arguments"
    std::string version, checksum;
    std::string detail;

    bool operator==(const HistoryEntry &) const = default;
};

inline constexpr std::size_t kMostHistory = 200; // lines

// Oldest first. Lines that make no sense are left out.
std::vector<HistoryEntry> load_history(const std::filesystem::path &directory);
Status add_history(const std::filesystem::path &directory, const HistoryEntry &entry);

} // namespace ballast::updater
