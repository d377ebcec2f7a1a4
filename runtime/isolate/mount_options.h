// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// The options of a mount as mount(8) and the OCI runtime specification 1.3.0 (config.md, "Linux mount options") name
// them. What no row of the table knows is left to the file system.
namespace ballast::isolate {

// One fsconfig(2) call: a string, or a flag when there was no "=".
struct FileSystemOption {
    std::string key;
    std::string value;
    bool has_value = true;

    bool operator==(const FileSystemOption &) const = default;
};

struct PropagationOption {
    unsigned long type = 0; // MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE
    bool recursive = false;

    bool operator==(const PropagationOption &) const = default;
};

struct MountOptions {
    bool bind = false;
    bool recursive = false; // rbind
    bool remount = false;
    bool copy_up = false; // tmpcopyup
    bool idmap = false;
    bool recursive_idmap = false;
    bool source_nofollow = false;
    bool target_nofollow = false;
    unsigned long set = 0, cleared = 0;                   // MS_*: the last of several options counts
    std::uint64_t recursive_set = 0, recursive_clear = 0; // MOUNT_ATTR_*, as mount_setattr(2) takes them
    std::vector<PropagationOption> propagation;           // in order
    std::vector<FileSystemOption> data;
};

MountOptions parse_mount_options(const std::vector<std::string> &options);

// MS_* of one mount as MOUNT_ATTR_*, as mount(2) reads them: strictatime before noatime before relatime.
std::uint64_t mount_attributes(unsigned long flags);

// All names of the table, sorted: what `features` shows.
std::vector<std::string> known_mount_options();

} // namespace ballast::isolate
