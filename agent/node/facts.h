// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace ballast::agent {

// What this machine is and has, as the kernel says it now. What cannot be had is empty or 0.
struct NodeFacts {
    std::string machine_id = {}, system_uuid = {}, boot_id = {}, kernel = {}, os_image = {};
    std::int64_t processors = 0;
    std::int64_t memory = 0, memory_available = 0;   // bytes
    std::int64_t storage = 0, storage_available = 0; // bytes, where pods' files are
    std::int64_t inodes = 0, inodes_free = 0;        // of the same
    std::int64_t processes = 0, most_processes = 0;
    std::map<std::string, std::int64_t> huge_pages = {}; // bytes of each kind: "hugepages-2Mi"
    bool operator==(const NodeFacts &) const = default;
};

// `root`: where /proc, /sys and /etc are found; `files`: where pods' files are.
NodeFacts read_node_facts(const std::filesystem::path &root, const std::filesystem::path &files);

} // namespace ballast::agent
