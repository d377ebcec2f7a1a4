// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <sched.h>
#include <span>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/isolate/devices.h"
#include "runtime/isolate/mount_syscalls.h"

// The parent's part of devices that are mounted, not made.
namespace ballast::isolate {
namespace {

constexpr std::uint64_t kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

int set_node_attributes(int tree) {
    return set_attributes(tree, {.attr_set = kAttributes, .attr_clr = 0, .propagation = MS_PRIVATE, .userns_fd = 0});
}

bool serves(const struct stat &status, const DeviceStep &device) {
    return (status.st_mode & S_IFMT) == device.type && status.st_rdev == device.number;
}

bool serves_exactly(const struct stat &status, const DeviceStep &device) {
    return !device.owned || ((status.st_mode & 07777) == device.mode && status.st_uid == device.host_uid &&
                             status.st_gid == device.host_gid);
}

enum class Found { kExact, kOtherOwner, kNone, kForbidden };

Result<Found> find_host_node(DeviceStep &device) {
    Fd tree(open_tree(AT_FDCWD, device.path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW));
    if (!tree.is_open()) {
        switch (errno) {
        case EPERM:
            return Found::kForbidden;
        case ENOENT:
        case ENOTDIR:
            return Found::kNone;
        default:
            return fail_errno("open the device " + device.path);
        }
    }
    struct stat status{};
    if (fstat(tree.get(), &status) != 0) {
        return fail_errno("stat " + device.path);
    }
    if (!serves(status, device)) {
        return Found::kNone;
    }
    if (set_node_attributes(tree.get()) != 0) {
        return fail_errno("set the mount options of " + device.path);
    }
    device.node = std::move(tree);
    return serves_exactly(status, device) ? Found::kExact : Found::kOtherOwner;
}

// Up to Linux 6.14 only what is attached to the caller's own mount namespace can be cloned, so this runs in a process
// with a mount namespace of its own. It shares the descriptor table: the clones stay when it is gone.
int make_nodes(const std::vector<DeviceStep *> &devices, std::span<int> made) {
    Fd context(fsopen("tmpfs", FSOPEN_CLOEXEC));
    if (!context.is_open() || fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "755", 0) != 0 ||
        fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
        return errno;
    }
    Fd tree(fsmount(context.get(), FSMOUNT_CLOEXEC, kAttributes));
    mount_attr slave{.attr_set = 0, .attr_clr = 0, .propagation = MS_SLAVE, .userns_fd = 0};
    if (!tree.is_open() || mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof slave) != 0 ||
        move_mount(tree.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
        return errno;
    }
    umask(0);
    for (std::size_t i = 0; i < devices.size(); i++) {
        const DeviceStep &device = *devices[i];
        std::string name = std::to_string(i);
        if (mknodat(tree.get(), name.c_str(), device.type | device.mode, device.number) != 0 ||
            fchownat(tree.get(), name.c_str(), device.host_uid, device.host_gid, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno;
        }
        made[i] = open_tree(tree.get(), name.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (made[i] < 0) {
            return errno;
        }
    }
    return 0;
}

// `shared` is seen by both: one descriptor for every device, and the error behind them.
int run_helper(const std::vector<DeviceStep *> &devices, std::span<int> shared) {
    int &error = shared.back();
    error = EINTR; // until the helper says otherwise
    long child = syscall(SYS_clone, CLONE_FILES | CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
        error = make_nodes(devices, shared);
        _exit(0);
    }
    if (child < 0) {
        return errno;
    }
    while (waitpid(static_cast<pid_t>(child), nullptr, 0) < 0 && errno == EINTR) {
    }
    return error;
}

Status make_own_nodes(const std::vector<DeviceStep *> &devices) {
    std::size_t count = devices.size() + 1;
    void *memory = mmap(nullptr, count * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) { // NOLINT(performance-no-int-to-ptr): the C library's own constant
        return fail_errno("make devices");
    }
    std::span<int> shared(static_cast<int *>(memory), count);
    std::ranges::fill(shared, -1);
    int error = run_helper(devices, shared);
    Status outcome;
    for (std::size_t i = 0; i < devices.size(); i++) {
        DeviceStep &device = *devices[i];
        if (shared[i] >= 0) {
            device.node = Fd(shared[i]);
        } else if (!device.node.is_open() && outcome.has_value()) {
            // With the host's node at hand a runtime that may not make nodes takes that.
            outcome = fail_errno("make the device " + device.path, error);
        }
    }
    munmap(memory, count * sizeof(int));
    return outcome;
}

} // namespace

Status prepare_devices(std::vector<DeviceStep> &devices) {
    std::vector<DeviceStep *> own;
    for (DeviceStep &device : devices) {
        if (!device.bound) {
            continue;
        }
        switch (TRY(find_host_node(device))) {
        case Found::kForbidden:
            return {};
        case Found::kExact:
            break;
        case Found::kOtherOwner:
        case Found::kNone:
            own.push_back(&device);
        }
    }
    return own.empty() ? Status() : make_own_nodes(own);
}

} // namespace ballast::isolate
