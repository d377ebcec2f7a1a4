// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/devices.h"

#include <array>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/isolate/mount_syscalls.h"
#include "runtime/isolate/target_path.h"

namespace ballast::isolate {
namespace {

struct Link {
    const char *name;
    const char *target;
};

// config-linux.md, "Default Devices", and what programs expect of /dev.
constexpr std::array kLinks = std::to_array<Link>({
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
    {"core", "/proc/kcore"},
    {"ptmx", "pts/ptmx"},
});
constexpr int kCore = 4;
constexpr int kPtmx = 5;
constexpr unsigned kFirstPts = 136; // UNIX98_PTY_SLAVE_MAJOR, eight of them
constexpr unsigned kLastPts = 143;

constexpr TargetRules kPlain{.no_symlinks = true, .directory_only = true};

// An image whose /dev is a link elsewhere is refused, not followed.
Fd open_dev(int root) { return make_target(root, "dev", TargetKind::kDirectory, kPlain); }

bool is_device(const struct stat &status, const DeviceStep &device) {
    return (status.st_mode & S_IFMT) == device.type && (device.type == S_IFIFO || status.st_rdev == device.number);
}

Outcome change_owner(const DeviceStep &device, int directory, int index) {
    Fd node(open_at(directory, device.name.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    struct stat status{};
    if (!node.is_open() || fstat(node.get(), &status) != 0) {
        return failed_at(Step::kDevice, index);
    }
    if (!is_device(status, device)) {
        return failed_at(Step::kDevice, index, EEXIST);
    }
    bool wanted = (status.st_mode & 07777) == device.mode || change_mode(node.get(), device.mode) == 0;
    wanted = wanted && ((status.st_uid == device.uid && status.st_gid == device.gid) ||
                        fchownat(node.get(), "", device.uid, device.gid, AT_EMPTY_PATH) == 0);
    return wanted ? done() : failed_at(Step::kDevice, index);
}

Outcome keep_existing(const DeviceStep &device, int directory, int index) {
    if (device.owned) {
        return change_owner(device, directory, index);
    }
    struct stat status{};
    if (fstatat(directory, device.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return failed_at(Step::kDevice, index);
    }
    return is_device(status, device) ? done() : failed_at(Step::kDevice, index, EEXIST);
}

// The host's node for a runtime that may not clone in the host's mount namespace.
Fd open_host_node(const DeviceStep &device) {
    Fd node(open_tree(AT_FDCWD, device.path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW));
    struct stat status{};
    if (!node.is_open() || fstat(node.get(), &status) != 0) {
        return {};
    }
    if (!is_device(status, device)) {
        errno = ENODEV;
        return {};
    }
    constexpr std::uint64_t kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    if (set_attributes(node.get(),
                       {.attr_set = kAttributes, .attr_clr = 0, .propagation = MS_PRIVATE, .userns_fd = 0}) != 0) {
        return {};
    }
    return node;
}

// A file to mount on: a new one, or one that is no link and no directory.
Fd make_place(int directory, const char *name) {
    Fd place(openat(directory, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0));
    if (place.is_open() || errno != EEXIST) {
        return place;
    }
    place = Fd(open_at(directory, name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    struct stat status{};
    if (!place.is_open() || fstat(place.get(), &status) != 0) {
        return {};
    }
    if (S_ISLNK(status.st_mode) || S_ISDIR(status.st_mode)) {
        errno = S_ISLNK(status.st_mode) ? ELOOP : EISDIR;
        return {};
    }
    return place;
}

Outcome bind_node(const DeviceStep &device, int directory, int index) {
    Fd opened;
    int node = device.node.get();
    if (node < 0) {
        opened = open_host_node(device);
        node = opened.get();
    }
    if (node < 0) {
        return failed_at(Step::kDevice, index);
    }
    Fd place = make_place(directory, device.name.c_str());
    return place.is_open() && attach_tree(node, place.get()) == 0 ? done() : failed_at(Step::kDevice, index);
}

Outcome make_device(const DeviceStep &device, int directory, int index) {
    if (device.bound) {
        return bind_node(device, directory, index);
    }
    // What mknod makes has this very type, number and mode, and nobody looks it up by name again: nothing to verify.
    if (mknodat(directory, device.name.c_str(), device.type | device.mode, device.number) == 0) {
        return device.uid == 0 && device.gid == 0 ? done() : change_owner(device, directory, index);
    }
    if (errno == EEXIST) {
        return keep_existing(device, directory, index);
    }
    // A runtime that is itself in a user namespace.
    return errno == EPERM ? bind_node(device, directory, index) : failed_at(Step::kDevice, index);
}

Outcome make_link(int directory, int index) {
    const Link &link = kLinks[static_cast<std::size_t>(index)];
    if (symlinkat(link.target, directory, link.name) == 0) {
        return done();
    }
    if (errno != EEXIST) {
        return failed_at(Step::kDeviceLink, index);
    }
    // An image may have its own; but ptmx must be the one of the container's devpts.
    if (index != kPtmx) {
        return done();
    }
    return unlinkat(directory, link.name, 0) == 0 && symlinkat(link.target, directory, link.name) == 0
               ? done()
               : failed_at(Step::kDeviceLink, index);
}

} // namespace

Outcome populate_devices(const std::vector<DeviceStep> &devices, int root, BorrowedFd proc) {
    Fd dev = open_dev(root);
    if (!dev.is_open()) {
        return failed_at(Step::kDevice, 0);
    }
    for (std::size_t i = 0; i < devices.size(); i++) {
        const DeviceStep &device = devices[i];
        int index = static_cast<int>(i);
        if (device.parent == "dev") {
            CHECK_STEP(make_device(device, dev.get(), index));
            continue;
        }
        Fd directory = make_target(root, device.parent.c_str(), TargetKind::kDirectory, {.directory_only = true});
        if (!directory.is_open()) {
            return failed_at(Step::kDevice, index);
        }
        CHECK_STEP(make_device(device, directory.get(), index));
    }
    for (int i = 0; i < static_cast<int>(kLinks.size()); i++) {
        if (i == kCore && faccessat(proc.get(), "kcore", F_OK, 0) != 0) {
            continue; // the kernel was built without it
        }
        CHECK_STEP(make_link(dev.get(), i));
    }
    return done();
}

const char *device_link(int index) {
    return index >= 0 && index < static_cast<int>(kLinks.size()) ? kLinks[static_cast<std::size_t>(index)].name : "";
}

Outcome bind_console(int root, BorrowedFd terminal) {
    struct stat status{};
    if (fstat(terminal.get(), &status) != 0) {
        return failed_at(Step::kConsole);
    }
    if (!S_ISCHR(status.st_mode) || major(status.st_rdev) < kFirstPts || major(status.st_rdev) > kLastPts) {
        return failed_at(Step::kConsole, -1, ENOTTY);
    }
    Fd directory = open_dev(root);
    if (!directory.is_open()) {
        return failed_at(Step::kConsole);
    }
    Fd place = make_place(directory.get(), "console");
    Fd tree(place.is_open() ? clone_tree(terminal.get()) : -1);
    return tree.is_open() && attach_tree(tree.get(), place.get()) == 0 ? done() : failed_at(Step::kConsole);
}

} // namespace ballast::isolate
