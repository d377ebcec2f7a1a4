// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// The file system that a container sees: root, mounts, devices, masks, sysctls. plan_rootfs() is pure;
// prepare_sources() opens in the runtime's own mount namespace what lies there; the rest runs after clone3(2) in the
// container's new mount namespace, through the new mount API and descriptors only: no path that the image or a mount
// can influence is ever resolved by the kernel outside of the container's root.
namespace ballast::isolate {

struct MountStep;  // mounts.h
struct DeviceStep; // devices.h

struct RootfsPlan {
    RootfsPlan();
    RootfsPlan(RootfsPlan &&) noexcept;
    RootfsPlan &operator=(RootfsPlan &&) noexcept;
    ~RootfsPlan();

    std::filesystem::path root; // absolute
    Fd root_tree;               // a detached clone of it, made by prepare_sources(); not open: the child makes it
    bool root_read_only = false;
    unsigned long root_propagation = 0; // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE; 0: the default (private)
    bool recursive_propagation = true;
    bool pivot = true; // false: --no-pivot, move the root and chroot
    // No mount namespace is asked for: mounts are made in the runtime's own, over `root`, and the container is kept
    // there by chroot(2) alone. Whoever deletes it unmounts `root`.
    bool shares_mounts = false;
    // Sources of binds are opened in the child, so that mounts come in the order of the specification in
    // /proc/PID/mountinfo as well; else by prepare_sources().
    bool child_opens_sources = false;
    std::vector<MountStep> mounts;
    std::string working_directory;   // inside the root, cleaned: made when it is not there, as other runtimes do
    std::vector<DeviceStep> devices; // index of Step::kDevice; device_link() of devices.h names that of kDeviceLink
    bool populate_dev = true;        // false: /dev is the host's, and stays as it is
    std::vector<std::string> masked_paths, readonly_paths;    // inside the root, cleaned
    std::vector<std::pair<std::string, std::string>> sysctls; // file below /proc/sys, value
    std::string mount_label;                                  // SELinux; empty: none
    std::string network_namespace; // the one to join: with sysctls of it, it must not be the host's
    Fd null;                       // a clone of the host's /dev/null for masks; not open: the child makes it

    // The child's own, from build_rootfs() on.
    mutable int root_directory = -1, null_file = -1;
};

struct RootfsSettings {
    std::filesystem::path bundle;
    bool pivot = true;
    bool new_user_namespace = false; // device nodes are bound from the host instead of made
    bool new_cgroup_namespace = false;
    bool terminal = false; // /dev/console is a mount of the terminal
};

Result<RootfsPlan> plan_rootfs(const oci::Spec &spec, const RootfsSettings &settings);
// In the parent: clones of bind sources and of the root with their attributes and idmaps. What an unprivileged caller
// may not open (EPERM) is left to the child, which may inside its user namespace. A tree opened here has none of the
// locks that a clone made by a user namespace's child has: a container with CAP_SYS_ADMIN in its user namespace may
// take options of it away again, as with other runtimes.
Status prepare_sources(RootfsPlan &plan);

// In the child, in this order. `proc` is the host's /proc.
Outcome build_rootfs(const RootfsPlan &plan, BorrowedFd proc);      // attach the root, mounts, devices, links of /dev
Outcome mount_console(const RootfsPlan &plan, BorrowedFd terminal); // the pts over /dev/console; after build_rootfs
Outcome enter_rootfs(const RootfsPlan &plan);                       // pivot_root, detach the host's tree
Outcome finish_rootfs(const RootfsPlan &plan, BorrowedFd proc);     // sysctls, masked, read-only paths, read-only root

} // namespace ballast::isolate
