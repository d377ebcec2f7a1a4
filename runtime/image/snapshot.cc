// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/snapshot.h"

#include <array>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/fd.h"
#include "base/file_io.h"
#include "base/json/json_tree.h"

namespace ballast::image {
namespace {

namespace fs = std::filesystem;
using Options = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kLongestOption = 255; // of fsconfig(2)
constexpr const char *kLowerOption = "lowerdir+";

Status check_path(const fs::path &path) {
    if (!path.is_absolute() || path.native().find_first_of(":,\\") != std::string::npos) {
        return fail(EINVAL, "overlay: " + shortly_quoted(path.native()) +
                                " is no absolute path without \":\", \",\" and \"\\\"");
    }
    if (path.native().size() > kLongestOption) {
        return fail(ENAMETOOLONG, "overlay: " + shortly_quoted(path.native()) + " is longer than 255 bytes");
    }
    return {};
}

// What the kernel has to say about the mount, behind errno's text.
std::unexpected<Error> mount_failure(const Fd &context, const std::string &what) {
    const int code = errno;
    std::array<char, 512> text{};
    const ssize_t size = read(context.get(), text.data(), text.size() - 1);
    std::string message = what;
    if (size > 0) {
        std::string_view said(text.data(), static_cast<std::size_t>(size));
        while (said.ends_with('\n')) {
            said.remove_suffix(1);
        }
        message += " (" + std::string(said) + ")";
    }
    return fail_errno(message, code);
}

// The older way: all lower directories in one option, which the kernel cuts at a page.
Status mount_by_page(const Options &options, const Snapshot &snapshot, const fs::path &target) {
    std::string lower;
    std::string rest;
    for (const auto &[name, value] : options) {
        if (name == kLowerOption) {
            lower += (lower.empty() ? "lowerdir=" : ":") + value;
        } else if (name != "source") {
            rest.append(",").append(name).append("=").append(value);
        }
    }
    const std::string data = lower + rest;
    if (data.size() >= static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
        return fail(ENOTSUP, "overlay: this kernel stacks fewer layers than the image has (" +
                                 std::to_string(snapshot.lower.size()) + "); Linux 6.8 does it");
    }
    unsigned long flags = MS_NODEV;
    if (snapshot.read_only || snapshot.upper.empty()) {
        flags |= MS_RDONLY;
    }
    return mount(snapshot.source.c_str(), target.c_str(), "overlay", flags, data.c_str()) == 0
               ? Status()
               : fail_errno("mount " + target.string());
}

Status attach(const Fd &mounted, const fs::path &target) {
    return move_mount(mounted.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0
               ? Status()
               : fail_errno("mount " + target.string());
}

// Overlayfs refuses a single layer without a writable one: it is the directory itself, read-only.
Status mount_single(const Snapshot &snapshot, const fs::path &target) {
    const Fd tree(open_tree(AT_FDCWD, snapshot.lower[0].c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!tree.is_open()) {
        return fail_errno("mount " + snapshot.lower[0].string());
    }
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
    if (snapshot.users != nullptr) {
        attributes.attr_set |= MOUNT_ATTR_IDMAP;
        attributes.userns_fd = static_cast<__u64>(snapshot.users->user_namespace.get());
    }
    if (mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
        return fail_errno("mount " + target.string() + " read-only");
    }
    return attach(tree, target);
}

Result<Fd> make_overlay(const Options &options, const Snapshot &snapshot) {
    const Fd context(fsopen("overlay", FSOPEN_CLOEXEC));
    if (!context.is_open()) {
        return errno == ENODEV ? fail(ENOTSUP, "this kernel has no overlayfs") : fail_errno("overlay");
    }
    for (const auto &[name, value] : options) {
        if (fsconfig(context.get(), FSCONFIG_SET_STRING, name.c_str(), value.c_str(), 0) == 0) {
            continue;
        }
        if (name == kLowerOption && errno == EINVAL && value == snapshot.lower[0]) {
            return Fd(); // an older kernel
        }
        return mount_failure(context, "overlay: " + name + "=" + value);
    }
    if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return mount_failure(context, "overlay");
    }
    const unsigned attributes =
        MOUNT_ATTR_NODEV | (snapshot.read_only || snapshot.upper.empty() ? MOUNT_ATTR_RDONLY : 0U);
    Fd mounted(fsmount(context.get(), FSMOUNT_CLOEXEC, attributes));
    return mounted.is_open() ? Result<Fd>(std::move(mounted)) : mount_failure(context, "overlay");
}

// Covers a directory by itself, its owners mapped.
Status map_owners(const fs::path &directory, const Fd &user_namespace) {
    const Fd tree(open_tree(AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<__u64>(user_namespace.get());
    if (!tree.is_open() || mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
        return errno == EINVAL ? fail(ENOTSUP, "the file system of " + directory.string() +
                                                   " cannot map owners, which a user namespace takes")
                               : fail_errno("map the owners of " + directory.string());
    }
    return attach(tree, directory);
}

// The same with owners of a user namespace: of each directory as it is seen in a mount namespace that ends with its
// thread. What overlayfs is made of goes on without it.
Result<Fd> make_mapped_overlay(const Options &options, const Snapshot &snapshot) {
    std::vector<fs::path> directories = snapshot.lower;
    if (!snapshot.upper.empty()) {
        directories.push_back(snapshot.upper.parent_path()); // with the other one: both have to be of one mount
    }
    Result<Fd> made;
    std::thread([&] {
        made = [&]() -> Result<Fd> {
            if (unshare(CLONE_FS | CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
                return fail_errno("overlay: mounts of its own");
            }
            for (const fs::path &directory : directories) {
                TRY(map_owners(directory, snapshot.users->user_namespace));
            }
            TRY(make_files_as(snapshot.users->root)); // as overlayfs will, for its own
            return make_overlay(options, snapshot);
        }();
    }).join();
    return made;
}

} // namespace

Result<Options> overlay_options(const Snapshot &snapshot) {
    if (snapshot.lower.empty() || snapshot.lower.size() > kMostLowerDirectories) {
        return fail(EINVAL, "overlay: " + std::to_string(snapshot.lower.size()) + " layers; want 1 to " +
                                std::to_string(kMostLowerDirectories));
    }
    Options options = {{"source", snapshot.source}};
    for (const fs::path &lower : snapshot.lower) {
        TRY(check_path(lower));
        options.emplace_back(kLowerOption, lower);
    }
    if (!snapshot.upper.empty()) {
        TRY(check_path(snapshot.upper));
        TRY(check_path(snapshot.work));
        options.emplace_back("upperdir", snapshot.upper);
        options.emplace_back("workdir", snapshot.work);
    }
    // Each off, whatever the kernel was configured with. index ties the upper directory to the very inodes of the
    // layers below, which unpacking a layer again would replace. metacopy and redirect_dir leave content behind in
    // lower layers, named by an extended attribute of the upper one: diff and commit read the upper directory alone,
    // and an attribute that came with an image must not name files for us.
    options.emplace_back("index", "off");
    options.emplace_back("metacopy", "off");
    options.emplace_back("redirect_dir", "nofollow");
    return options;
}

Status mount_snapshot(const Snapshot &snapshot, const fs::path &target) {
    const Options options = TRY(overlay_options(snapshot));
    if (snapshot.upper.empty() && snapshot.lower.size() == 1) {
        return mount_single(snapshot, target);
    }
    const bool maps = snapshot.users != nullptr;
    const Fd mounted =
        TRY((maps ? make_mapped_overlay(options, snapshot) : make_overlay(options, snapshot)).within(target.string()));
    if (mounted.is_open()) {
        return attach(mounted, target);
    }
    return maps ? fail(ENOTSUP, "overlay: this kernel cannot map owners of layers; Linux 6.8 does it")
                : mount_by_page(options, snapshot, target);
}

Status unmount_snapshot(const fs::path &target) {
    if (umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) {
        return {}; // EINVAL: nothing is mounted there
    }
    if (errno == EBUSY && umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) {
        return {};
    }
    return fail_errno("unmount " + target.string());
}

Status make_writable_directories(Snapshot &snapshot, const fs::path &directory) {
    snapshot.upper = directory / "upper";
    snapshot.work = directory / "work";
    const bool is_new = access(snapshot.upper.c_str(), F_OK) != 0;
    TRY(make_directories(snapshot.upper, 0755));
    TRY(make_directories(snapshot.work, 0700));
    struct stat root{};
    // The upper directory's own mode and owner are those of the container's "/".
    if (is_new && !snapshot.lower.empty() && stat(snapshot.lower.back().c_str(), &root) == 0 &&
        (chown(snapshot.upper.c_str(), root.st_uid, root.st_gid) != 0 ||
         chmod(snapshot.upper.c_str(), root.st_mode & 07777U) != 0)) {
        return fail_errno("prepare " + snapshot.upper.string());
    }
    return {};
}

Status check_storage_options(const Options &options) {
    for (const auto &[name, value] : options) {
        if (name == "size") {
            return fail(ENOTSUP,
                        "--storage-opt size=" + value +
                            " is not supported: a limit needs quotas of the file system, which overlayfs on this "
                            "host has not; limit a volume instead");
        }
        return fail(ENOTSUP, "--storage-opt " + shortly_quoted(name) + " is not supported");
    }
    return {};
}

} // namespace ballast::image
