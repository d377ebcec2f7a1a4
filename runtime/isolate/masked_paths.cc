// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/masked_paths.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/isolate/mount_syscalls.h"
#include "runtime/isolate/target_path.h"

namespace ballast::isolate {
namespace {

bool is_missing(int code) { return code == ENOENT || code == ENOTDIR; }

Fd make_empty_directory(const std::string &label) {
    Fd context(fsopen("tmpfs", FSOPEN_CLOEXEC));
    if (!context.is_open() || fsconfig(context.get(), FSCONFIG_SET_STRING, "source", "tmpfs", 0) != 0 ||
        fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "755", 0) != 0 ||
        fsconfig(context.get(), FSCONFIG_SET_STRING, "nr_blocks", "1", 0) != 0 ||
        fsconfig(context.get(), FSCONFIG_SET_STRING, "nr_inodes", "1", 0) != 0 ||
        (!label.empty() && fsconfig(context.get(), FSCONFIG_SET_STRING, "context", label.c_str(), 0) != 0) ||
        fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return {};
    }
    return Fd(fsmount(context.get(), FSMOUNT_CLOEXEC,
                      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
}

// Up to Linux 6.14 a detached tree cannot be cloned. So the first place gets the tree itself, and by then the tree is
// attached, and the others get clones of it.
class Cover {
  public:
    explicit Cover(int tree) : tree_(tree) {}

    bool attach(int target) {
        if (!used_) {
            used_ = attach_tree(tree_, target) == 0;
            return used_;
        }
        Fd clone(clone_tree(tree_));
        return clone.is_open() && attach_tree(clone.get(), target) == 0;
    }

  private:
    int tree_;
    bool used_ = false;
};

} // namespace

Fd open_null() {
    constexpr std::uint64_t kAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    Fd tree(open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW));
    struct stat status{};
    if (!tree.is_open() || fstat(tree.get(), &status) != 0) {
        return {};
    }
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
        errno = ENODEV;
        return {};
    }
    if (set_attributes(tree.get(),
                       {.attr_set = kAttributes, .attr_clr = 0, .propagation = MS_PRIVATE, .userns_fd = 0}) != 0) {
        return {};
    }
    return tree;
}

Outcome mask_paths(const std::vector<std::string> &paths, int root, int null, const std::string &label) {
    Fd empty;
    Cover file(null);
    Cover directory(-1);
    for (std::size_t i = 0; i < paths.size(); i++) {
        int index = static_cast<int>(i);
        Fd target = open_target(root, paths[i].c_str());
        if (!target.is_open() && is_missing(errno)) {
            continue;
        }
        struct stat status{};
        if (!target.is_open() || fstat(target.get(), &status) != 0) {
            return failed_at(Step::kMaskedPath, index);
        }
        if (S_ISDIR(status.st_mode) && !empty.is_open()) {
            empty = make_empty_directory(label);
            if (!empty.is_open()) {
                return failed_at(Step::kMaskedPath, index);
            }
            directory = Cover(empty.get());
        }
        if (!(S_ISDIR(status.st_mode) ? directory : file).attach(target.get())) {
            return failed_at(Step::kMaskedPath, index);
        }
    }
    return done();
}

Outcome make_readonly(const std::vector<std::string> &paths, int root) {
    constexpr mount_attr kReadOnly{.attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
    for (std::size_t i = 0; i < paths.size(); i++) {
        Fd target = open_target(root, paths[i].c_str());
        if (!target.is_open() && is_missing(errno)) {
            continue;
        }
        // With what is mounted below; only the top becomes read-only: mounts below have options of their own.
        Fd tree(target.is_open() ? clone_tree(target.get(), AT_RECURSIVE) : -1);
        if (!tree.is_open() || set_attributes(tree.get(), kReadOnly) != 0 ||
            attach_tree(tree.get(), target.get()) != 0) {
            return failed_at(Step::kReadonlyPath, static_cast<int>(i));
        }
    }
    return done();
}

} // namespace ballast::isolate
