// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The system calls of mounts that the C library has no function for, each wrapped once. They allocate nothing, so they
// are for both sides of clone3(2): -1 and errno on failure.
namespace ballast::isolate {

// openat2(2) with O_CLOEXEC. The kernel answers EAGAIN when a rename elsewhere crosses its walk over "..", and asks to
// try again.
inline int open_at(int directory, const char *path, int flags, std::uint64_t resolve, mode_t mode = 0) {
    constexpr int kAttempts = 128;
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = resolve;
    int fd = -1;
    for (int attempt = 0; attempt < kAttempts; attempt++) {
        fd = static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    return fd;
}

inline int pivot_root(const char *new_root, const char *put_old) {
    return static_cast<int>(syscall(SYS_pivot_root, new_root, put_old));
}

// fchmodat2(2) of a descriptor, O_PATH ones too.
inline int change_mode(int fd, mode_t mode) {
    return static_cast<int>(syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH));
}

// The tree of a descriptor (a detached one, or one to clone) put over the place that `target` is open on.
inline int attach_tree(int tree, int target) {
    return move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// A detached clone of what `fd` is open on; `fd` must lie in a mount of the caller's own namespace.
inline int clone_tree(int fd, unsigned flags = 0) {
    return open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

inline int set_attributes(int fd, mount_attr attributes, unsigned flags = 0) {
    return mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes);
}

} // namespace ballast::isolate
