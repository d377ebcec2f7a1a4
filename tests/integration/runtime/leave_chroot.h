// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/fd.h"

namespace ballast {

// User namespaces cannot be made in a chroot, which the build root is: so it becomes the root of a mount namespace.
// For a process of its own; false with errno.
inline bool leave_chroot() {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        return false;
    }
    const Fd own(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    const Fd tree(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    // setns(2) goes to the root of the namespace, and on to what is mounted there.
    return setns(own.get(), CLONE_NEWNS) == 0 &&
           move_mount(tree.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) == 0 &&
           setns(own.get(), CLONE_NEWNS) == 0;
}

} // namespace ballast
