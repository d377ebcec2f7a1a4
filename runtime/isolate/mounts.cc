// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/mounts.h"

#include <array>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "runtime/isolate/mount_syscalls.h"
#include "runtime/isolate/own_cgroup.h"
#include "runtime/isolate/target_path.h"
#include "runtime/isolate/tmp_copy_up.h"

// The child's part: allocates nothing.
namespace ballast::isolate {
namespace {

struct Place {
    const MountStep &step;
    int index;
    int root;
    std::uint64_t root_mount; // its id
};

// Type, mode and mount of what is open. Nothing is asked of a network file system.
bool look_at(int fd, struct statx &status) {
    return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE | STATX_MNT_ID, &status) == 0;
}

bool is_proc(int fd) {
    struct statfs status{};
    return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

bool apply_change(const AttributeChange &change, int tree, int user_namespace) {
    mount_attr attributes{
        .attr_set = change.set, .attr_clr = change.clear, .propagation = change.propagation, .userns_fd = 0};
    if (change.idmap) {
        attributes.attr_set |= MOUNT_ATTR_IDMAP;
        attributes.userns_fd = static_cast<std::uint64_t>(user_namespace);
    }
    unsigned flags = change.recursive ? AT_RECURSIVE : 0;
    if (set_attributes(tree, attributes, flags) == 0) {
        return true;
    }
    if (errno != EPERM || change.clear == change.clear_locked) {
        return false;
    }
    // Another user namespace locked options of this mount: they stay, unless the specification asks for their end.
    attributes.attr_clr = change.clear_locked;
    return set_attributes(tree, attributes, flags) == 0;
}

// What lies on procfs by now is the container's /proc, by whatever name and links the target led there: only what may
// be covered is (the names were checked by the plan). What lies on the root's own mount needs no question to its file
// system, which would count its free blocks for it.
Outcome open_place(const Place &place, TargetKind kind, Fd &target, struct statx *existing = nullptr) {
    const MountStep &step = place.step;
    TargetRules rules{
        .no_symlinks = step.plain_target, .no_follow = step.target_nofollow, .directory_only = step.plain_target};
    bool existed = false;
    target = make_target(place.root, step.target.c_str(), kind, rules, &existed);
    struct statx status{};
    if (!target.is_open() || !look_at(target.get(), status)) {
        return failed_at(Step::kMountTarget, place.index);
    }
    if (!step.may_cover_proc && status.stx_mnt_id != place.root_mount && is_proc(target.get())) {
        return failed_at(Step::kMountInsideProc, place.index, EPERM);
    }
    if (existing != nullptr && existed) {
        *existing = status;
    }
    return done();
}

Outcome attach(const Place &place, int tree, const Fd &target) {
    return attach_tree(tree, target.get()) == 0 ? done() : failed_at(Step::kMountAttach, place.index);
}

Fd open_source(const MountStep &step) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step.recursive ? AT_RECURSIVE : 0U) |
                     (step.source_nofollow ? AT_SYMLINK_NOFOLLOW : 0U);
    return Fd(open_tree(AT_FDCWD, step.source.c_str(), flags));
}

// `opened` is open afterwards when the parent had not opened the source.
Outcome bind(const Place &place, Fd &opened) {
    const MountStep &step = place.step;
    int tree = step.tree.get();
    if (tree < 0) {
        opened = open_source(step);
        tree = opened.get();
        if (tree < 0) {
            return failed_at(Step::kMountSource, place.index);
        }
        if (!apply_changes(step.changes, tree)) {
            return failed_at(Step::kMountAttributes, place.index);
        }
    }
    if (step.wants_proc && !is_proc(tree)) {
        return failed_at(Step::kMountInsideProc, place.index, EPERM);
    }
    struct statx status{};
    if (!look_at(tree, status)) {
        return failed_at(Step::kMountSource, place.index);
    }
    Fd target;
    CHECK_STEP(open_place(place, S_ISDIR(status.stx_mode) ? TargetKind::kDirectory : TargetKind::kFile, target));
    return attach(place, tree, target);
}

// Four octal digits of `mode`.
std::array<char, 5> octal(mode_t mode) {
    std::array<char, 5> text{};
    for (std::size_t i = 0; i < 4; i++) {
        text[i] = static_cast<char>('0' + ((mode >> (9 - 3 * i)) & 7));
    }
    return text;
}

bool configure(int context, const FileSystemOption &option) {
    return fsconfig(context, option.has_value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option.key.c_str(),
                    option.has_value ? option.value.c_str() : nullptr, 0) == 0;
}

Outcome new_file_system(const Place &place, const char *mode, Fd &tree) {
    const MountStep &step = place.step;
    Fd context(fsopen(step.type.c_str(), FSOPEN_CLOEXEC));
    if (!context.is_open()) {
        return failed_at(Step::kMountCreate, place.index);
    }
    if (mode != nullptr && fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", mode, 0) != 0) {
        return failed_at(Step::kMountAttributes, place.index);
    }
    for (const FileSystemOption &option : step.settings) {
        if (!configure(context.get(), option)) {
            return failed_at(Step::kMountAttributes, place.index);
        }
    }
    if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return failed_at(Step::kMountCreate, place.index);
    }
    tree = Fd(fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(step.attributes)));
    return tree.is_open() ? done() : failed_at(Step::kMountCreate, place.index);
}

// The host's own, for a container without a network namespace of its own that may not mount another. Read-only, and
// whatever else is asked for, goes for all that is mounted below, too.
bool bind_sysfs(const MountStep &step, Fd &tree) {
    tree = Fd(open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    return tree.is_open() &&
           set_attributes(tree.get(),
                          {.attr_set = step.attributes, .attr_clr = 0, .propagation = MS_PRIVATE, .userns_fd = 0},
                          AT_RECURSIVE) == 0;
}

Outcome label_file(const Place &place, const Fd &tree, const std::string &label) {
    Fd directory(openat(tree.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return directory.is_open() &&
                   fsetxattr(directory.get(), "security.selinux", label.c_str(), label.size() + 1, 0) == 0
               ? done()
               : failed_at(Step::kMountAttributes, place.index);
}

Outcome mount_file_system(const Place &place, const std::string &label, Fd &tree) {
    const MountStep &step = place.step;
    Fd target;
    struct statx covered{}; // empty when it was made for the mount
    CHECK_STEP(open_place(place, TargetKind::kDirectory, target, &covered));
    bool existed = covered.stx_mask != 0;
    std::array<char, 5> mode{};
    if (step.take_mode && existed) {
        mode = octal(covered.stx_mode);
    }
    Outcome made = new_file_system(place, mode[0] == '\0' ? nullptr : mode.data(), tree);
    if (made.failed() && !(step.or_bind && made.code == EPERM && bind_sysfs(step, tree))) {
        return made;
    }
    if (step.label_root) {
        CHECK_STEP(label_file(place, tree, label));
    }
    if (step.copy_up && existed && !copy_up(target.get(), tree.get())) {
        return failed_at(Step::kTmpCopyUp, place.index);
    }
    if (!apply_changes(step.changes, tree.get())) {
        return failed_at(Step::kMountPropagation, place.index);
    }
    return attach(place, tree.get(), target);
}

Outcome mount_own_cgroup(const Place &place, BorrowedFd proc, Fd &tree) {
    const MountStep &step = place.step;
    Fd target;
    CHECK_STEP(open_place(place, TargetKind::kDirectory, target));
    Fd directory = open_own_cgroup(proc);
    bool hierarchy_above = !directory.is_open() && errno == ENODEV;
    if (hierarchy_above) {
        // No cgroup2 where it belongs: the hierarchy is mounted here, and the container's part over it.
        Fd whole;
        CHECK_STEP(new_file_system(place, nullptr, whole));
        CHECK_STEP(attach(place, whole.get(), target));
        directory = open_own_cgroup_below(whole, proc);
    }
    tree = Fd(directory.is_open() ? clone_tree(directory.get()) : -1);
    if (!tree.is_open()) {
        return failed_at(Step::kMountSource, place.index);
    }
    if (set_attributes(tree.get(),
                       {.attr_set = step.attributes, .attr_clr = 0, .propagation = MS_PRIVATE, .userns_fd = 0}) != 0 ||
        !apply_changes(step.changes, tree.get())) {
        return failed_at(Step::kMountAttributes, place.index);
    }
    return attach(place, tree.get(), target);
}

Outcome change_super_block(const Place &place, const Fd &target) {
    Fd context(fspick(target.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
    if (!context.is_open()) {
        return failed_at(Step::kMountAttributes, place.index);
    }
    for (const FileSystemOption &option : place.step.settings) {
        if (!configure(context.get(), option)) {
            return failed_at(Step::kMountAttributes, place.index);
        }
    }
    return fsconfig(context.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) == 0
               ? done()
               : failed_at(Step::kMountAttributes, place.index);
}

Outcome remount(const Place &place) {
    Fd target = open_target(place.root, place.step.target.c_str(),
                            {.no_symlinks = place.step.plain_target, .no_follow = place.step.target_nofollow});
    if (!target.is_open()) {
        return failed_at(Step::kMountTarget, place.index);
    }
    // EINVAL by the kernel when nothing is mounted there.
    if (!apply_changes(place.step.changes, target.get())) {
        return failed_at(Step::kMountAttributes, place.index);
    }
    return place.step.superblock_change ? change_super_block(place, target) : done();
}

Outcome make_mount(const Place &place, BorrowedFd proc, const std::string &label, Fd &tree) {
    switch (place.step.kind) {
    case MountKind::kBind:
        return bind(place, tree);
    case MountKind::kFileSystem:
        return mount_file_system(place, label, tree);
    case MountKind::kOwnCgroup:
        return mount_own_cgroup(place, proc, tree);
    case MountKind::kRemount:
        return remount(place);
    }
    return done();
}

} // namespace

bool apply_changes(const std::vector<AttributeChange> &changes, int tree, int user_namespace) {
    for (const AttributeChange &change : changes) {
        if (!apply_change(change, tree, user_namespace)) {
            return false;
        }
    }
    return true;
}

Outcome make_mounts(const std::vector<MountStep> &steps, int &root, BorrowedFd proc, const std::string &label) {
    struct statx status{};
    if (!look_at(root, status)) {
        return failed_at(Step::kRootAttach);
    }
    for (std::size_t i = 0; i < steps.size(); i++) {
        const MountStep &step = steps[i];
        Fd tree;
        CHECK_STEP(make_mount({step, static_cast<int>(i), root, status.stx_mnt_id}, proc, label, tree));
        if (step.target.empty() && step.kind != MountKind::kRemount) {
            root = tree.is_open() ? tree.release() : step.tree.get(); // covered: from here on this is the root
        } else if (step.read_only_at_end) {
            step.mounted = tree.release();
        }
    }
    return done();
}

Outcome finish_mounts(const std::vector<MountStep> &steps) {
    constexpr mount_attr kReadOnly{.attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
    for (std::size_t i = 0; i < steps.size(); i++) {
        if (steps[i].read_only_at_end && steps[i].mounted >= 0 && set_attributes(steps[i].mounted, kReadOnly) != 0) {
            return failed_at(Step::kMountAttributes, static_cast<int>(i));
        }
    }
    return done();
}

} // namespace ballast::isolate
