// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace ballast::bench {

// One of the two images of the benchmark: a disk to boot, and its sizes.
struct Contender {
    std::string name;             // of its log directory and in messages: "ours", "peer"
    std::filesystem::path disk;   // qcow2 with zstd-compressed clusters
    std::uint64_t tree_bytes = 0; // the root file system with kernel and initramfs: tar, compressed
    std::uint64_t disk_bytes = 0; // the raw disk, compressed
};

// Compressing takes minutes, so sizes are written down. Takes those from the file `record` and returns true when they
// are of this very disk, by its SHA-256; false when there is no such record.
Result<bool> recall_sizes(Contender &contender, const std::filesystem::path &record);
Status record_sizes(const Contender &contender, const std::filesystem::path &record);

} // namespace ballast::bench
