// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/worker/jobs.h"
#include "agent/worker/pods.h"
#include "agent/worker/world.h"

// What pods have left that nobody looks after any more.
namespace ballast::agent {

struct PodGarbage {
    std::vector<std::pair<Pod, Garbage>> of_pods = {}; // that are here: containers that ended long ago
    std::optional<std::set<std::string>> uids = {};    // of all pods; nothing: not all are known yet
};
PodGarbage pod_garbage(const Pods &pods);

// Directories of logs (NAMESPACE_NAME_UID) below `directory` of pods that are not among `uids`, and in which nothing
// was made after `before` (nanoseconds since 1970): those of pods that come now.
std::vector<std::filesystem::path> abandoned_logs(const std::filesystem::path &directory,
                                                  const std::set<std::string> &uids, std::int64_t before);

// Everything is tried; the first error. Takes its time.
Status remove_pod_garbage(const World &world, const PodGarbage &garbage);

} // namespace ballast::agent
