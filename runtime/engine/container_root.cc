// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"
#include "base/rollback.h"
#include "base/root_dir.h"
#include "runtime/engine/core.h"
#include "runtime/engine/process_end.h"

namespace ballast::engine {
namespace {

// Mounts `source` on what is at `inside`, by descriptors from first to last: nothing that the container has put there
// leads elsewhere.
Status mount_inside(const RootDir &root, const std::string &inside, const std::string &source, bool writable) {
    const Fd tree(static_cast<int>(
        syscall(SYS_open_tree, AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
    if (!tree.is_open()) {
        return errno == ENOENT ? Status() : fail_errno("open " + source); // it comes back with the next start
    }
    struct stat status{};
    if (fstat(tree.get(), &status) != 0) {
        return fail_errno("stat " + source);
    }
    Result<Fd> target = root.open_path(inside, O_PATH);
    if (!target && target.error().code == ENOENT && S_ISDIR(status.st_mode)) {
        TRY(root.make_directories(inside));
        target = root.open_path(inside, O_PATH);
    }
    if (!target) {
        return {}; // a file that the container never had: its first start makes it
    }
    if (!writable) {
        mount_attr attributes{};
        attributes.attr_set = MOUNT_ATTR_RDONLY;
        if (syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) !=
            0) {
            return fail_errno("make " + inside + " read-only");
        }
    }
    constexpr unsigned kByDescriptors = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    if (syscall(SYS_move_mount, tree.get(), "", target->get(), "", kByDescriptors) != 0) {
        return fail_errno("mount " + inside);
    }
    return {};
}

} // namespace

Status Engine::Core::in_root(const ContainerPtr &container, const RootWork &work) {
    std::unique_lock operation(container->operation);
    const Snapshot data = container->snapshot();
    if (data.state.phase == Phase::kRemoving || data.state.phase == Phase::kDead) {
        return fail(EBUSY, "container is marked for removal and cannot be copied from or to");
    }
    if (data.state.running()) {
        std::shared_ptr<Fd> process;
        {
            const std::scoped_lock lock(container->mutex);
            process = container->process;
        }
        const RootDir root = TRY(RootDir::open("/proc/" + std::to_string(data.state.pid) + "/root"));
        if (process == nullptr || TRY(has_ended(*process))) { // then the number may have been somebody else's
            return fail(EBUSY, "container " + data.id + " is not running any more");
        }
        operation.unlock(); // it may end, or be removed, while we copy: the descriptor keeps what it had
        return work(root, data.ids);
    }
    // A thread with mounts of its own, that ends with them.
    Status outcome;
    std::thread([&] {
        outcome = [&]() -> Status {
            if (unshare(CLONE_FS | CLONE_NEWNS) != 0) {
                return fail_errno("unshare");
            }
            if (mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
                return fail_errno("make mounts private");
            }
            const Paths path = paths(data.id);
            TRY(make_directories(path.rootfs, 0700));
            image::Snapshot snapshot = TRY(snapshot_of(*container));
            TRY(image::make_writable_directories(snapshot, path.disk));
            TRY(image::mount_snapshot(snapshot, path.rootfs));
            const RootDir root = TRY(RootDir::open(path.rootfs));
            Rollback uses;
            for (const MountPoint &point : data.mounts) {
                std::string source = point.source;
                if (point.type == "tmpfs" || point.type == "image") {
                    continue;
                }
                if (point.type == "volume") {
                    source = TRY(volumes->use(point.name)) / point.subpath;
                    uses.add([this, name = point.name] { volumes->release(name); });
                }
                TRY(mount_inside(root, point.destination, source, point.writable));
            }
            if (data.host.read_only_rootfs &&
                mount("", path.rootfs.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
                return fail_errno("make the root read-only");
            }
            return work(root, {});
        }();
    }).join();
    (void)remove_tree(paths(data.id).run); // empty directories, used again by a start
    return outcome;
}

} // namespace ballast::engine
