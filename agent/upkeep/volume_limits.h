// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/worker/pods.h"

// emptyDirs on disk that hold more than their sizeLimit; those in memory are limited by the kernel.
namespace ballast::agent {

struct Eviction {
    std::string uid = {};
    std::string why = {}; // in kubelet's words
};

// Those that such a volume can end. As with kubelet no pod of a manifest is among them, and none that is critical.
std::vector<Pod> limited_pods(const Pods &pods);
bool is_limited(const Pod &pod);

// `root`: where pods' directories are. Reads every volume that has a limit, which takes its time.
std::vector<Eviction> beyond_limits(const std::vector<Pod> &pods, const std::filesystem::path &root,
                                    const std::stop_token &stop);

} // namespace ballast::agent
