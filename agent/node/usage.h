// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "agent/cri_client/usage.h"

namespace ballast::agent {

// What this machine uses, as the kernel says it now. What cannot be had is missing.
struct NodeUsage {
    Usage usage = {};
    std::int64_t booted = 0;                          // nanoseconds since 1970
    Amount files_capacity = {}, files_available = {}; // bytes, where pods' files are
    Amount inodes = {}, inodes_free = {};             // the same
};

// `root`: where /proc is found; `files`: where pods' files are.
NodeUsage read_node_usage(const std::filesystem::path &root, const std::filesystem::path &files);

} // namespace ballast::agent
