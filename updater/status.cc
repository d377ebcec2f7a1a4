// SPDX-License-Identifier: Apache-2.0
#include "updater/status.h"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "base/json/json_cursor.h"
#include "base/quote.h"
#include "updater/policy.h"
#include "updater/space.h"

namespace ballast::updater {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json &json) { return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json deployment_json(const Deployment &one) {
    return {{"version", one.commit.version},
            {"checksum", one.commit.checksum},
            {"deployment", one.name()},
            {"timestamp", one.commit.timestamp},
            {"follows", one.refspec},
            {"booted", one.booted},
            {"staged", one.staged},
            {"pinned", one.pinned},
            {"kernel-arguments", one.kernel_arguments}};
}

Json progress_json(const Snapshot &snapshot) {
    return {{"version", snapshot.downloading},
            {"bytes", snapshot.progress.bytes},
            {"total-bytes", snapshot.progress.total_bytes},
            {"objects", snapshot.progress.objects},
            {"total-objects", snapshot.progress.total_objects},
            {"rate", snapshot.progress.rate}};
}

std::string ago(std::int64_t when, std::int64_t now) {
    const std::int64_t seconds = std::max<std::int64_t>(0, now - when);
    constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
    if (seconds < 2 * kMinute) {
        return "just now";
    }
    return seconds < 2 * kHour  ? std::format("{} min ago", seconds / kMinute)
           : seconds < 2 * kDay ? std::format("{} h ago", seconds / kHour)
                                : std::format("{} days ago", seconds / kDay);
}

std::string line(const std::string &label, const std::string &text) { return std::format("{:<12}{}\n", label, text); }

std::string named(const JsonCursor &deployment) {
    constexpr std::size_t kShort = 12;
    const std::string version = deployment.at("version").text();
    const std::string checksum = deployment.at("checksum").text().substr(0, kShort);
    return escaped(version.empty() ? checksum : version + " (" + checksum + ")") +
           (deployment.at("pinned").boolean() ? ", pinned" : "");
}

std::string state_line(const JsonCursor &root) {
    std::string text = root.need("state").text() + ", since " + time_text(root.at("since").number<std::int64_t>(0));
    if (const JsonCursor progress = root.at("progress"); progress.given()) {
        text += std::format(": {} of at most {}, {}/s", size_text(progress.at("bytes").number<std::uint64_t>()),
                            size_text(progress.at("total-bytes").number<std::uint64_t>()),
                            size_text(progress.at("rate").number<std::uint64_t>()));
    }
    return line("State", escaped(text));
}

std::string deployments_text(const JsonCursor &root) {
    std::string text;
    if (const JsonCursor running = root.at("running"); running.given()) {
        text += line("Running", named(running) + (root.at("on-trial").boolean() ? ", on trial" : "") + ", follows " +
                                    escaped(running.at("follows").view()));
    }
    if (const JsonCursor next = root.at("next"); next.given()) {
        text += line("Next", named(next) + ", taken by the next restart");
    }
    if (const JsonCursor previous = root.at("previous"); previous.given()) {
        text += line("Previous", named(previous));
    }
    for (const JsonCursor &one : root.at("deployments").items()) {
        if (one.at("pinned").boolean()) {
            text += line("Pinned", named(one));
        }
    }
    return text;
}

std::string waiting_text(const JsonCursor &root) {
    std::string text;
    for (const JsonCursor &reason : root.at("waiting-for").items()) {
        text += line(text.empty() ? "Waits for" : "", escaped(reason.view()));
    }
    return text;
}

std::string check_text(const JsonCursor &root, std::int64_t now) {
    const JsonCursor check = root.at("last-check");
    if (!check.given()) {
        return line("Last asked", "never");
    }
    const std::int64_t good = check.at("succeeded-when").number<std::int64_t>(0);
    std::string text = line("Last asked", ago(check.at("when").number<std::int64_t>(0), now) + ": " +
                                              escaped(check.at("outcome").view()));
    if (!check.at("succeeded").boolean()) {
        text += line("", "last answer: " + (good == 0 ? "never" : ago(good, now)));
    }
    return text;
}

std::string refused_text(const JsonCursor &root) {
    std::string text;
    for (const JsonCursor &one : root.at("rolled-back").items()) {
        if (one.at("acknowledged").boolean()) {
            continue;
        }
        text += line("Rolled back", named(one) + " at " + time_text(one.at("when").number<std::int64_t>(0)) + ": " +
                                        escaped(one.at("reason").view()));
        for (const JsonCursor &journal : one.at("journal").items()) {
            text += "    " + escaped(journal.view()) + "\n";
        }
    }
    return text;
}

std::string conflicts_text(const JsonCursor &root) {
    std::string text;
    for (const JsonCursor &path : root.at("etc-conflicts").items()) {
        text +=
            line(text.empty() ? "Conflicts" : "", escaped(path.view()) + ": yours stays, the update changes it, too");
    }
    return text;
}

} // namespace

std::string status_json(const StatusFacts &facts) {
    const Record &record = facts.snapshot.record;
    Json json = {{"state", name_of(record.state)}, {"since", record.since}, {"strategy", facts.strategy}};
    json["urls"] = facts.urls;
    const Deployment *running = running_of(facts.deployments);
    if (running != nullptr) {
        json["running"] = deployment_json(*running);
        json["on-trial"] = !facts.boot.running.empty() && facts.boot.running != facts.boot.good;
        if (facts.boot.tries && facts.boot.trial == facts.boot.running) {
            json["starts-left"] = *facts.boot.tries;
        }
    }
    if (const Deployment *next = next_of(facts.deployments); next != nullptr) {
        json["next"] = deployment_json(*next);
    }
    if (const Deployment *previous = previous_of(facts.deployments); previous != nullptr && previous != running) {
        json["previous"] = deployment_json(*previous);
    }
    json["deployments"] = Json::array();
    for (const Deployment &one : facts.deployments) {
        json["deployments"].push_back(deployment_json(one));
    }
    json["waiting-for"] = facts.snapshot.waiting_for;
    if (record.state == State::kDownloading) {
        json["progress"] = progress_json(facts.snapshot);
    }
    if (record.last_check) {
        json["last-check"] = {{"when", record.last_check->when},
                              {"succeeded", record.last_check->succeeded},
                              {"outcome", record.last_check->outcome},
                              {"succeeded-when", record.last_check->succeeded_when}};
    }
    json["rolled-back"] = Json::array();
    for (const Refused &one : record.refused) {
        json["rolled-back"].push_back({{"version", one.version},
                                       {"checksum", one.checksum},
                                       {"when", one.when},
                                       {"reason", one.reason},
                                       {"journal", one.journal},
                                       {"acknowledged", one.acknowledged}});
    }
    json["etc-conflicts"] = facts.etc_conflicts;
    const std::string &trouble = facts.trouble.empty() ? facts.snapshot.trouble : facts.trouble;
    if (!trouble.empty()) {
        json["trouble"] = trouble;
    }
    return dumped(json);
}

std::string history_json(const std::vector<HistoryEntry> &history) {
    Json json = Json::array();
    for (const HistoryEntry &entry : history) {
        json.push_back({{"when", entry.when},
                        {"what", entry.what},
                        {"version", entry.version},
                        {"checksum", entry.checksum},
                        {"detail", entry.detail}});
    }
    return dumped(json);
}

Result<std::string> status_text(const std::string &json, std::int64_t now) {
    JsonDocument document = TRY(JsonDocument::parse(json, "status"));
    const JsonCursor root(document);
    std::string text = state_line(root) + deployments_text(root) + waiting_text(root) + check_text(root, now) +
                       refused_text(root) + conflicts_text(root);
    if (const JsonCursor trouble = root.at("trouble"); trouble.given()) {
        text += line("Trouble", escaped(trouble.view()));
    }
    TRY(document.status());
    return text;
}

Result<std::string> history_text(const std::string &json) {
    JsonDocument document = TRY(JsonDocument::parse(json, "history"));
    std::string text;
    for (const JsonCursor &entry : JsonCursor(document).items()) {
        std::string what = entry.need("what").text() + " " + entry.at("version").text();
        if (const std::string detail = entry.at("detail").text(); !detail.empty()) {
            what += ": " + detail;
        }
        text += time_text(entry.at("when").number<std::int64_t>(0)) + "  " + escaped(what) + "\n";
    }
    TRY(document.status());
    return text;
}

} // namespace ballast::updater
