// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "updater/health/baseline.h"

// What the checks need of the machine, one function each, so that tests can be any machine.
namespace ballast::updater::health {

struct Unit {
    std::string name = {};
    std::string state = {};     // ActiveState: "active", "failed", "activating", ...
    std::string sub_state = {}; // SubState: "running", "auto-restart", ...
    unsigned restarts = 0;      // that systemd has made by itself
    bool operators = false;     // an operator wrote it and enabled it: its file is below /etc

    bool operator==(const Unit &) const = default;
};

// Whether the clock is known to be right: systemd-timesyncd's own marks.
struct Clock {
    std::int64_t now = 0;      // seconds since 1970
    bool synchronised = false; // with a server, since this boot
    std::int64_t earliest = 0; // the newest time that the system knows to be past: when it was built
};

struct Surroundings {
    std::function<Result<std::vector<Unit>>()> units = {}; // all that are loaded
    std::function<Result<bool>(const std::string &unit)> is_enabled = {};
    // A service that ran in this boot and came to its end by itself, without an error.
    std::function<bool(const std::string &unit)> has_finished = {};
    // The last lines of this boot that a unit logged, or was said about it; newest last.
    std::function<std::vector<std::string>(const std::string &unit)> unit_journal = {};

    // The body of the answer to GET TARGET from the engine. ENOENT when it answers 404.
    std::function<Result<std::string>(const std::string &target)> engine = {};
    std::function<Result<bool>()> agent_ready = {};
    std::function<Result<std::vector<Interface>>()> interfaces = {};
    // Status of the answer to a request for URL. Any answer means that somebody is there.
    std::function<Result<int>(const std::string &url)> ask_source = {};
    std::function<Clock()> clock = {};

    std::function<std::chrono::milliseconds()> elapsed = {}; // a clock that only goes forward
    std::function<void(std::chrono::milliseconds)> sleep = {};
};

// Calls `attempt` until it is true or `patience` is over, once a second. False when it never was.
bool wait_for(const Surroundings &surroundings, std::chrono::milliseconds patience,
              const std::function<bool()> &attempt);

} // namespace ballast::updater::health
