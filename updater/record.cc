// SPDX-License-Identifier: Apache-2.0
#include "updater/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/json/json_cursor.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr unsigned kFormat = 1;
constexpr std::uint64_t kRecordLimit = 1ULL << 20; // bytes
constexpr mode_t kMode = 0600;                     // it may hold lines of the journal
constexpr const char *kRecordFile = "state.json";
constexpr const char *kHistoryFile = "history.jsonl";

std::string text_of(const Json &json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::int64_t time_of(const JsonCursor &from) { return from.number<std::int64_t>(0); }

Expected read_expected(const JsonCursor &from) {
    return {.checksum = from.need("checksum").text(),
            .version = from.at("version").text(),
            .from_checksum = from.at("from-checksum").text(),
            .from_version = from.at("from-version").text(),
            .prepared = time_of(from.at("prepared"))};
}

Refused read_refused(const JsonCursor &from) {
    return {.checksum = from.need("checksum").text(),
            .version = from.at("version").text(),
            .reason = from.at("reason").text(),
            .journal = from.at("journal").texts(),
            .when = time_of(from.at("when")),
            .acknowledged = from.at("acknowledged").boolean()};
}

Record read_record(const JsonCursor &root) {
    Record record;
    (void)root.need("format").number<unsigned>(kFormat, kFormat); // a wrong one is noted in the document
    const JsonCursor state = root.need("state");
    if (const std::optional<State> known = state_named(state.view())) {
        record.state = *known;
    } else {
        state.refuse("a state");
    }
    record.since = time_of(root.at("since"));
    if (const JsonCursor expected = root.at("expected"); expected.given()) {
        record.expected = read_expected(expected);
    }
    for (const JsonCursor &refused : root.at("refused").items(kMostRefused)) {
        record.refused.push_back(read_refused(refused));
    }
    if (const JsonCursor check = root.at("last-check"); check.given()) {
        record.last_check = LastCheck{.when = time_of(check.at("when")),
                                      .succeeded = check.at("succeeded").boolean(),
                                      .outcome = check.at("outcome").text(),
                                      .succeeded_when = time_of(check.at("succeeded-when"))};
    }
    record.lock_held = root.at("lock-held").boolean();
    record.drained = root.at("drained").boolean();
    record.newest_timestamp = root.at("newest-timestamp").number<std::uint64_t>();
    return record;
}

Json expected_json(const Expected &expected) {
    return {{"checksum", expected.checksum},
            {"version", expected.version},
            {"from-checksum", expected.from_checksum},
            {"from-version", expected.from_version},
            {"prepared", expected.prepared}};
}

std::optional<HistoryEntry> parse_entry(std::string_view line) {
    Result<JsonDocument> document = JsonDocument::parse(line, kHistoryFile);
    if (!document.has_value()) {
        return std::nullopt;
    }
    const JsonCursor root(*document);
    HistoryEntry entry{.when = time_of(root.need("when")),
                       .what = root.need("what").text(),
                       .version = root.at("version").text(),
                       .checksum = root.at("checksum").text(),
                       .detail = root.at("detail").text()};
    return document->failed() ? std::nullopt : std::optional(std::move(entry));
}

std::string entry_line(const HistoryEntry &entry) {
    return text_of({{"when", entry.when},
                    {"what", entry.what},
                    {"version", entry.version},
                    {"checksum", entry.checksum},
                    {"detail", entry.detail}},
                   -1);
}

} // namespace

std::string record_text(const Record &record) {
    Json json = {{"format", kFormat}, {"state", name_of(record.state)}, {"since", record.since}};
    if (record.expected) {
        json["expected"] = expected_json(*record.expected);
    }
    json["refused"] = Json::array();
    const std::size_t known = record.refused.size();
    for (std::size_t index = known - std::min(known, kMostRefused); index < known; index++) {
        const Refused &refused = record.refused[index];
        json["refused"].push_back({{"checksum", refused.checksum},
                                   {"version", refused.version},
                                   {"reason", refused.reason},
                                   {"journal", refused.journal},
                                   {"when", refused.when},
                                   {"acknowledged", refused.acknowledged}});
    }
    if (record.last_check) {
        json["last-check"] = {{"when", record.last_check->when},
                              {"succeeded", record.last_check->succeeded},
                              {"outcome", record.last_check->outcome},
                              {"succeeded-when", record.last_check->succeeded_when}};
    }
    json["lock-held"] = record.lock_held;
    json["drained"] = record.drained;
    json["newest-timestamp"] = record.newest_timestamp;
    return text_of(json, 1);
}

Result<Record> parse_record(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    Record record = read_record(JsonCursor(document));
    TRY(document.status());
    return record;
}

LoadedRecord load_record(const fs::path &directory) {
    const fs::path file = directory / kRecordFile;
    const Result<std::string> text = read_file(file, kRecordLimit);
    if (!text.has_value()) {
        return {.record = {}, .trouble = text.error().code == ENOENT ? "" : text.error().message};
    }
    Result<Record> record = parse_record(*text, file);
    if (!record.has_value()) {
        return {.record = {}, .trouble = record.error().message};
    }
    return {.record = std::move(*record), .trouble = {}};
}

Status save_record(const fs::path &directory, const Record &record) {
    TRY(make_directories(directory, 0700));
    return replace_file(directory / kRecordFile, record_text(record), kMode);
}

std::vector<HistoryEntry> load_history(const fs::path &directory) {
    std::vector<HistoryEntry> entries;
    const std::string text = read_file(directory / kHistoryFile, kRecordLimit).value_or("");
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        if (std::optional<HistoryEntry> entry = parse_entry(std::string_view(text).substr(at, end - at))) {
            entries.push_back(std::move(*entry));
        }
        at = end + 1;
    }
    return entries;
}

Status add_history(const fs::path &directory, const HistoryEntry &entry) {
    std::vector<HistoryEntry> entries = load_history(directory);
    entries.push_back(entry);
    std::string text;
    for (std::size_t index = entries.size() - std::min(entries.size(), kMostHistory); index < entries.size(); index++) {
        text += entry_line(entries[index]);
    }
    TRY(make_directories(directory, 0700));
    return replace_file(directory / kHistoryFile, text, kMode);
}

} // namespace ballast::updater
