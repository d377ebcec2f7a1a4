// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/sub_path.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/root_dir.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

Result<Fd> open_inside(const RootDir &root, const std::string &inside) {
    Result<Fd> found = root.open_path(inside, O_PATH);
    if (found.has_value() || found.error().code != ENOENT) {
        return found;
    }
    struct stat volume{};
    if (::fstat(root.fd().get(), &volume) != 0) {
        return fail_errno("stat " + root.path().string());
    }
    TRY(root.make_directories(inside, volume.st_mode & 07777));
    return root.open_path(inside, O_PATH);
}

// A mount point of the same kind as what is mounted there.
Status make_target(const fs::path &target, bool directory) {
    constexpr mode_t kMode = 0750;
    TRY(make_directories(target.parent_path(), kMode));
    if (directory) {
        return make_directories(target, kMode);
    }
    TRY(open_file(target, O_WRONLY | O_CREAT, kMode));
    return {};
}

} // namespace

Status mount_sub_path(const fs::path &volume, const std::string &inside, const fs::path &target) {
    const fs::path path(inside);
    if (path.is_absolute() || std::ranges::contains(path, fs::path(".."))) {
        return fail(EINVAL, "subPath " + quote(inside) + ": want a relative path without \"..\"");
    }
    const RootDir root = TRY(RootDir::open(volume));
    const Fd source = TRY(open_inside(root, inside).within("subPath " + quote(inside)));
    struct stat found{};
    if (::fstat(source.get(), &found) != 0) {
        return fail_errno("stat subPath " + quote(inside));
    }
    TRY(make_target(target, S_ISDIR(found.st_mode)));
    const Fd tree(static_cast<int>(::syscall(SYS_open_tree, source.get(), "",
                                             AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
    if (!tree.is_open()) {
        return fail_errno("clone subPath " + quote(inside));
    }
    if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
        return fail_errno("mount " + target.string());
    }
    return {};
}

} // namespace ballast::agent
