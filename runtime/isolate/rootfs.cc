// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/rootfs.h"

#include <array>
#include <sys/stat.h>

#include "runtime/isolate/devices.h"
#include "runtime/isolate/masked_paths.h"
#include "runtime/isolate/mount_syscalls.h"
#include "runtime/isolate/mounts.h"
#include "runtime/isolate/sysctl.h"
#include "runtime/isolate/target_path.h"

// The child's part: allocates nothing.
namespace ballast::isolate {
namespace {

constexpr mount_attr propagation(unsigned long type) {
    return {.attr_set = 0, .attr_clr = 0, .propagation = type, .userns_fd = 0};
}

// Without it mounts and the unmounting of the old root would show on the host.
Outcome leave_peers() {
    mount_attr slave = propagation(MS_SLAVE);
    return mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof slave) == 0 ? done()
                                                                                 : failed_at(Step::kPropagation);
}

Outcome attach_root(const RootfsPlan &plan) {
    int tree = plan.root_tree.get();
    if (tree < 0) {
        tree = open_tree(AT_FDCWD, plan.root.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        unsigned long type = plan.root_propagation == 0 || plan.root_propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
        if (tree < 0 || set_attributes(tree, propagation(type), AT_RECURSIVE) != 0) {
            return failed_at(Step::kRootAttach);
        }
    }
    // Over itself: hooks that run in this namespace before the root changes look for it there. Where a container's user
    // may not search the path, nobody else but us needs to find it: then over "/".
    constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
    if (move_mount(tree, "", AT_FDCWD, plan.root.c_str(), kFlags) != 0 &&
        (errno != EACCES || move_mount(tree, "", AT_FDCWD, "/", kFlags) != 0)) {
        return failed_at(Step::kRootAttach);
    }
    plan.root_directory = tree;
    return done();
}

// Opened before the container's mounts are there.
Outcome keep_null(const RootfsPlan &plan) {
    plan.null_file = plan.null.get();
    if (plan.null_file < 0 && !plan.masked_paths.empty()) {
        plan.null_file = open_null().release();
        if (plan.null_file < 0) {
            return failed_at(Step::kMaskedPath, 0);
        }
    }
    return done();
}

Outcome build(const RootfsPlan &plan, BorrowedFd proc) {
    if (!plan.shares_mounts) {
        CHECK_STEP(leave_peers());
    }
    CHECK_STEP(keep_null(plan));
    CHECK_STEP(attach_root(plan));
    CHECK_STEP(make_mounts(plan.mounts, plan.root_directory, proc, plan.mount_label));
    // Where it cannot be made, entering it says why.
    (void)make_target(plan.root_directory, plan.working_directory.c_str(), TargetKind::kDirectory);
    return plan.populate_dev ? populate_devices(plan.devices, plan.root_directory, proc) : done();
}

// With chroot(2) alone the host's mounts stay in the namespace. A whole procfs or sysfs among them would let a
// container in a user namespace mount another one without masks; so those go, or are covered where they are locked.
Outcome hide(const char *path) {
    if (umount2(path, MNT_DETACH) == 0 || errno == ENOENT) {
        return done();
    }
    if (errno != EINVAL && errno != EPERM) {
        return failed_at(Step::kPivotRoot);
    }
    return mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") == 0
               ? done()
               : failed_at(Step::kPivotRoot);
}

Outcome move_root(const RootfsPlan &plan) {
    CHECK_STEP(hide("/proc"));
    CHECK_STEP(hide("/sys"));
    return fchdir(plan.root_directory) == 0 &&
                   move_mount(plan.root_directory, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) == 0 && chroot(".") == 0
               ? done()
               : failed_at(Step::kPivotRoot);
}

// The old root lands on top of the new one, and "." walks up to it when it is unmounted: pivot_root(2), "Notes".
Outcome pivot(const RootfsPlan &plan) {
    return fchdir(plan.root_directory) == 0 && pivot_root(".", ".") == 0 && umount2(".", MNT_DETACH) == 0
               ? done()
               : failed_at(Step::kPivotRoot);
}

Outcome change_root(const RootfsPlan &plan) {
    return fchdir(plan.root_directory) == 0 && chroot(".") == 0 ? done() : failed_at(Step::kPivotRoot);
}

} // namespace

Outcome build_rootfs(const RootfsPlan &plan, BorrowedFd proc) {
    mode_t before = umask(0); // modes are exact
    Outcome outcome = build(plan, proc);
    umask(before);
    return outcome;
}

Outcome mount_console(const RootfsPlan &plan, BorrowedFd terminal) {
    return bind_console(plan.root_directory, terminal);
}

Outcome enter_rootfs(const RootfsPlan &plan) {
    CHECK_STEP(plan.shares_mounts ? change_root(plan) : plan.pivot ? pivot(plan) : move_root(plan));
    bool late = plan.root_propagation == MS_SHARED || plan.root_propagation == MS_UNBINDABLE;
    if (late && set_attributes(plan.root_directory, propagation(plan.root_propagation),
                               plan.recursive_propagation ? AT_RECURSIVE : 0) != 0) {
        return failed_at(Step::kRootPropagation);
    }
    return done();
}

Outcome finish_rootfs(const RootfsPlan &plan, BorrowedFd proc) {
    CHECK_STEP(write_sysctls(plan.sysctls, proc));
    CHECK_STEP(make_readonly(plan.readonly_paths, plan.root_directory));
    CHECK_STEP(mask_paths(plan.masked_paths, plan.root_directory, plan.null_file, plan.mount_label));
    CHECK_STEP(finish_mounts(plan.mounts));
    mount_attr read_only{.attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
    return !plan.root_read_only || set_attributes(plan.root_directory, read_only) == 0 ? done()
                                                                                       : failed_at(Step::kRootReadonly);
}

} // namespace ballast::isolate
