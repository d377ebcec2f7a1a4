// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/image/owner.h"

// A container's root: an image's layers and a writable directory, stacked by overlayfs.
namespace ballast::image {

// Overlayfs's own limit, the writable directory not counted.
inline constexpr std::size_t kMostLowerDirectories = 500;

struct Snapshot {
    std::vector<std::filesystem::path> lower = {}; // highest first, at least one
    std::filesystem::path upper = {};              // empty: read-only
    std::filesystem::path work = {};               // beside `upper`, on the same file system
    bool read_only = false;                        // of the mount; `upper` may be given all the same
    std::string source = "ballast";                // as /proc/mounts shows it
    // Whose ids those of the files are; none: the host's. On disk they are the same for everybody.
    std::shared_ptr<const Users> users = {};
};

// What fsconfig(2) is told, in order. Pure.
Result<std::vector<std::pair<std::string, std::string>>> overlay_options(const Snapshot &snapshot);

// Mounts at `target`, an existing directory; what is mounted there already is covered. nodev, whatever the image holds:
// a container's devices are in a /dev of its own. ENOTSUP when the kernel lacks overlayfs,
// or cannot map the owners of the files below (their file system has to allow that as well).
Status mount_snapshot(const Snapshot &snapshot, const std::filesystem::path &target);

// Missing is fine. What is still in use goes away when it no longer is (MNT_DETACH).
Status unmount_snapshot(const std::filesystem::path &target);

// Makes `upper` (mode and owner of the image's root) and `work` of a container below `directory`. Existing ones stay.
Status make_writable_directories(Snapshot &snapshot, const std::filesystem::path &directory);

// Options of `docker run --storage-opt`: none is supported. ENOTSUP names it and says why ("size" needs quotas).
Status check_storage_options(const std::vector<std::pair<std::string, std::string>> &options);

} // namespace ballast::image
