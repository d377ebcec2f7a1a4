// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What is checked, and how long checks wait: /etc/ballast/health.json, read strictly. Its JSON Schema is
// configs/health.schema.json; docs/usage/updates.md explains the keys.
namespace ballast::updater::health {

inline constexpr const char *kHealthFile = "/etc/ballast/health.json";

enum class Weight { kRequired, kWanted, kOff };

// The built-in checks in the order in which they run.
inline constexpr std::array<std::string_view, 7> kBuiltIn{"engine", "agent", "network",  "clock",
                                                          "source", "units", "workloads"};

struct HealthConfig {
    std::map<std::string, Weight, std::less<>> weights = {}; // of built-in checks that are not as kBuiltIn's defaults
    std::vector<std::string> ignored_units = {};             // fnmatch(3) patterns
    std::chrono::seconds script_time{120};                   // that one of the operator's scripts may take
    std::chrono::seconds wait_time{60};                      // for what may still be on its way: engine, network, agent
    std::chrono::seconds settle_time{10};                    // that what runs must go on running
    std::chrono::seconds workload_time{180}; // from the check's begin until a container runs and is healthy

    std::filesystem::path scripts = "/etc/ballast/health.d";
    std::filesystem::path state = "/var/lib/ballast-updater/health"; // report.h
    std::vector<std::string> sources = {};                           // URLs of the update source; none: not configured
    std::string source_mistake = {};                                 // why they are not known

    // "source" is wanted, because a machine cannot be held back by the server that would give it the next version; all
    // others are required.
    Weight weight(std::string_view check) const;
};

// EINVAL "FILE:LINE:COLUMN: what". A file that is missing is the defaults.
Result<HealthConfig> load_health_config(const std::filesystem::path &file);
Result<HealthConfig> parse_health_config(const std::string &text, const std::string &name);

std::vector<std::string_view> health_config_keys(); // in alphabetical order

} // namespace ballast::updater::health
