// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "updater/flow.h"

// What `ballast status` shows: as JSON for machines and the bus, as text for people. Pure.
namespace ballast::updater {

struct StatusFacts {
    Snapshot snapshot;
    std::vector<Deployment> deployments;
    BootFacts boot;
    std::string strategy;
    std::vector<std::string> urls;
    std::vector<std::string> etc_conflicts; // paths below /etc
    std::string trouble;                    // what could not be found out
};

// The keys are described in docs/usage/updates.md.
std::string status_json(const StatusFacts &facts);
std::string history_json(const std::vector<HistoryEntry> &history);

// From those texts; EINVAL when they are not ours. `now` for "3 h ago".
Result<std::string> status_text(const std::string &json, std::int64_t now);
Result<std::string> history_text(const std::string &json);

} // namespace ballast::updater
