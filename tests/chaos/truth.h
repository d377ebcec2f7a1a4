// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/chaos/engine_client.h"
#include "tests/chaos/killer.h"
#include "tests/chaos/workload.h"

// Compares what an engine says with what the kernel and the workers say. Each function returns a sentence for whatever
// does not agree.
namespace ballast::chaos {

// What a worker noted of its runs.
struct Run {
    long lines = 0; // that it had written for certain
    std::optional<int> status = {};
};
std::vector<Run> notes_of(const std::filesystem::path &file);

// Every container is in the state that the engine says, and its log holds every line once.
std::vector<std::string> check_containers(EngineClient &client, const Place &place,
                                          const std::map<std::string, Asked> &asked, const Killer &killer);

// With all containers and images removed: no process, mount, file, cgroup or scope of one is left.
std::vector<std::string> check_nothing_left(const Place &place);

// What the daemon itself holds. Taken twice: before and after.
struct Holdings {
    std::size_t threads = 0, dead_children = 0;
    std::vector<std::string> descriptors; // what they are of, sorted
};
Holdings holdings_of_daemon(const Place &place);

} // namespace ballast::chaos
