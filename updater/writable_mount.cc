// SPDX-License-Identifier: Apache-2.0
#include "updater/writable_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <utility>

#include "base/fd.h"
#include "base/file_io.h"

namespace ballast::updater {
namespace {

// A remount sets all per-mount flags anew: those that stand must be given again.
Result<unsigned long> mount_flags(const std::filesystem::path &directory) {
    struct statvfs status{};
    if (::statvfs(directory.c_str(), &status) != 0) {
        return fail_errno("look at the mount of " + directory.string());
    }
    unsigned long flags = 0;
    for (const auto &[seen, flag] :
         {std::pair{ST_RDONLY, MS_RDONLY}, std::pair{ST_NOSUID, MS_NOSUID}, std::pair{ST_NODEV, MS_NODEV},
          std::pair{ST_NOEXEC, MS_NOEXEC}, std::pair{ST_NOATIME, MS_NOATIME}, std::pair{ST_RELATIME, MS_RELATIME}}) {
        if ((status.f_flag & static_cast<unsigned long>(seen)) != 0) {
            flags |= static_cast<unsigned long>(flag);
        }
    }
    return flags;
}

// The topmost directory with the same device, going up from `directory`.
Result<std::filesystem::path> mount_point(const std::filesystem::path &directory) {
    std::error_code error;
    std::filesystem::path point = std::filesystem::canonical(directory, error);
    if (error) {
        return fail_errno("resolve " + directory.string(), error.value());
    }
    struct stat here{};
    if (::stat(point.c_str(), &here) != 0) {
        return fail_errno("stat " + point.string());
    }
    while (point != point.root_path()) {
        struct stat above{};
        if (::stat(point.parent_path().c_str(), &above) != 0) {
            return fail_errno("stat " + point.parent_path().string());
        }
        if (above.st_dev != here.st_dev) {
            break;
        }
        point = point.parent_path();
    }
    return point;
}

} // namespace

Result<WritableMount> WritableMount::acquire(const std::filesystem::path &directory) {
    (void)TRY(open_file(directory, O_RDONLY | O_DIRECTORY)); // triggers an automount, which stat(2) does not
    if ((TRY(mount_flags(directory)) & MS_RDONLY) == 0) {
        return WritableMount({});
    }
    const std::filesystem::path point = TRY(mount_point(directory));
    const unsigned long flags = TRY(mount_flags(point));
    if (::unshare(CLONE_NEWNS) != 0) {
        return fail_errno("make " + point.string() + " writable: unshare");
    }
    // Remounting is not propagated, but an automount that expires must not take our view along with it: slave, not
    // shared.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
        return fail_errno("make " + point.string() + " writable: make the mount namespace private");
    }
    if (::mount(nullptr, point.c_str(), nullptr, MS_REMOUNT | (flags & ~static_cast<unsigned long>(MS_RDONLY)),
                nullptr) != 0) {
        return fail_errno("remount " + point.string() + " writable");
    }
    return WritableMount(point);
}

WritableMount::WritableMount(WritableMount &&other) noexcept : restore_(std::exchange(other.restore_, {})) {}

WritableMount::~WritableMount() {
    if (restore_.empty()) {
        return;
    }
    // Best effort: other mounts of it still have their own read-only flag, and the next boot mounts it as configured.
    if (Result<unsigned long> flags = mount_flags(restore_); flags.has_value()) {
        (void)::mount(nullptr, restore_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY | *flags, nullptr);
    }
}

} // namespace ballast::updater
