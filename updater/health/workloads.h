// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "updater/health/baseline.h"
#include "updater/health/surroundings.h"

// The machine's containers, as the engine's API tells of them (GET /containers/json and /containers/ID/json).
namespace ballast::updater::health {

struct Container {
    std::string id = {}, name = {};
    std::string policy = {};               // of restarts: "no", "always", "unless-stopped", "on-failure"
    std::string status = {};               // "running", "exited", "restarting", ...
    bool running = false;                  // and not between two restarts
    std::string started = {};              // when, as text; another one: it was started anew
    int exit_code = 0;                     // of its last end
    std::string error = {};                // why it could not be started
    std::string health = {};               // "healthy", "unhealthy", "starting"; empty: no health check
    std::string health_output = {};        // of its last check
    std::chrono::seconds health_time = {}; // until its settings call it unhealthy, counted from its start
};

Result<Container> parse_container(std::string_view json);
// Its answer to /containers/json: ids.
Result<std::vector<std::string>> parse_container_list(std::string_view json);
// What a container printed, out of the engine's frames (or plain text, of a container with a terminal).
std::vector<std::string> parse_log(std::string_view body);

Result<std::vector<Container>> all_containers(const Surroundings &machine);

// Those that have to run again after a restart: they run, and their policy would start them. Sorted by name.
std::vector<Workload> workloads_of(const std::vector<Container> &containers);
// Names of all others.
std::vector<std::string> others_of(const std::vector<Container> &containers);

} // namespace ballast::updater::health
