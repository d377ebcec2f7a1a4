// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/mount_options.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// The mounts of a container: every entry of `mounts` as data, ready for the calls of the new mount API.
namespace ballast::isolate {

// One mount_setattr(2) call.
struct AttributeChange {
    bool recursive = false;
    std::uint64_t set = 0, clear = 0; // MOUNT_ATTR_*
    // What is left of `clear` when the mount has options that are locked (EPERM): only what was asked for.
    std::uint64_t clear_locked = 0;
    std::uint64_t propagation = 0; // one MS_*, or 0
    bool idmap = false;

    bool empty() const { return set == 0 && clear == 0 && propagation == 0 && !idmap; }
    bool operator==(const AttributeChange &) const = default;
};

enum class MountKind {
    kBind,       // a clone of a tree of the host
    kFileSystem, // a new one
    kOwnCgroup,  // the directory of the container's cgroup
    kRemount,    // other options for what is mounted there
};

struct MountStep {
    std::string destination; // as in the specification, for messages
    std::string target;      // the same inside the root: clean_path.h
    MountKind kind = MountKind::kFileSystem;

    std::string type;   // of a file system
    std::string source; // of a bind: absolute
    bool recursive = false;
    bool source_nofollow = false, target_nofollow = false;
    std::vector<AttributeChange> changes;   // in order
    std::uint64_t attributes = 0;           // MOUNT_ATTR_*, of a new file system
    std::vector<FileSystemOption> settings; // fsconfig(2) calls, in order
    bool superblock_change = false;         // kRemount: settings go to the file system

    bool take_mode = false;        // tmpfs without mode=: the mode of the directory that it covers
    bool copy_up = false;          // tmpcopyup
    bool read_only_at_end = false; // others are yet to make their mount points in it
    bool plain_target = false;     // proc, sysfs: no component of the target may be a link
    bool may_cover_proc = false;   // the target is /proc, or a file of it that may be replaced
    bool wants_proc = false;       // a bind over /proc: the source must be procfs
    bool or_bind = false;          // sysfs: where a new one is not allowed, the host's is bound
    bool label_root = false;       // mqueue: takes its label by an attribute of the file

    std::vector<oci::IdMapping> uids, gids; // of an idmapped mount
    std::string user_namespace;             // or by this one: a path

    Fd tree;                  // what prepare_mounts() opened; not open: the child does
    mutable int mounted = -1; // the child's descriptor, for read_only_at_end

    bool idmapped() const { return !uids.empty() || !user_namespace.empty(); }
};

struct MountSettings {
    std::string bundle; // absolute
    bool new_cgroup_namespace = false;
    unsigned long root_propagation = 0; // what binds get that do not say: as the root
};

Result<std::vector<MountStep>> plan_mounts(const oci::Spec &spec, const MountSettings &settings);

// In the parent: opens the sources of binds with their options. EPERM is left to the child, but for idmapped ones. With
// `left_to_child`, the container's root, only those: idmapped ones, and what would show the container's own mounts.
Status prepare_mounts(std::vector<MountStep> &steps, const std::string &left_to_child = {});
// Allocates nothing. errno on failure. `user_namespace` is for changes with idmap.
bool apply_changes(const std::vector<AttributeChange> &changes, int tree, int user_namespace = -1);

// In the child. `root` is the root directory; a mount on "/" replaces it. `label` is that of linux.mountLabel.
Outcome make_mounts(const std::vector<MountStep> &steps, int &root, BorrowedFd proc, const std::string &label);
Outcome finish_mounts(const std::vector<MountStep> &steps);

} // namespace ballast::isolate
