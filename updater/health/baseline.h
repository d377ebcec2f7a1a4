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

// How the machine was while its deployment was good: what a new one is measured against. Taken when a boot has proven
// itself and at every orderly shutdown after that, never by a deployment on trial.
namespace ballast::updater::health {

// What a network interface offers. Addresses themselves may change with every lease.
struct Interface {
    std::string name = {};
    bool ipv4 = false, ipv6 = false;                 // has an address of more than link scope
    bool ipv4_default = false, ipv6_default = false; // a default route leads over it

    bool operator==(const Interface &) const = default;
};

// A container that has to run again after a restart.
struct Workload {
    std::string id = {}, name = {};
    bool healthy = false;               // it has a health check that had passed
    std::chrono::seconds patience = {}; // that its health check may take, by its own settings

    bool operator==(const Workload &) const = default;
};

struct Baseline {
    std::int64_t time = 0; // seconds since 1970
    std::string deployment = {};
    // Each is missing when it could not be had; then the check that needs it has nothing to measure against.
    std::optional<std::vector<std::string>> failing_units = {};
    std::optional<std::vector<std::string>> running_units = {}; // services that an operator wrote and enabled
    std::optional<std::vector<Interface>> interfaces = {};
    std::optional<std::vector<Workload>> workloads = {};
    std::vector<std::string> other_containers = {}; // names of those that no check looks at

    bool operator==(const Baseline &) const = default;
};

std::string format_baseline(const Baseline &baseline);
Result<Baseline> parse_baseline(std::string_view text, const std::string &name);

// DIRECTORY/baseline.json. Nothing when there is none; one that does not read is none, and a warning in the log.
std::optional<Baseline> load_baseline(const std::filesystem::path &directory);
Status keep_baseline(const std::filesystem::path &directory, const Baseline &baseline);

} // namespace ballast::updater::health
