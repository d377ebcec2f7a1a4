// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/root_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace ballast::container {

std::optional<std::uint64_t> mount_of(const std::string &path) {
    struct statx status{};
    if (statx(AT_FDCWD, path.c_str(), AT_NO_AUTOMOUNT, STATX_MNT_ID, &status) != 0) {
        return std::nullopt;
    }
    return status.stx_mnt_id;
}

Status unmount_root(const std::string &root, std::uint64_t covered) {
    if (mount_of(root).value_or(covered) != covered && umount2(root.c_str(), MNT_DETACH) != 0) {
        return fail_errno("unmount " + root);
    }
    return {};
}

} // namespace ballast::container
