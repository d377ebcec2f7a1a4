// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/tmp_copy_up.h"

#include <array>
#include <climits>
#include <cstring>
#include <dirent.h>
#include <linux/limits.h>
#include <string_view>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "runtime/isolate/mount_syscalls.h"

namespace ballast::isolate {
namespace {

constexpr int kDeepest = 64;
constexpr std::size_t kMostAtOnce = 1UL << 30;

// Static: pages of it cost nothing until somebody uses this file.
std::array<char, XATTR_LIST_MAX> attribute_names;
std::array<char, XATTR_SIZE_MAX> attribute_value;

bool copy_attributes(int from, int to) {
    ssize_t size = flistxattr(from, attribute_names.data(), attribute_names.size());
    if (size < 0) {
        return errno == ENOTSUP;
    }
    const char *end = attribute_names.data() + size;
    for (const char *name = attribute_names.data(); name < end; name += std::strlen(name) + 1) {
        // The label of a container's file is the mount's, not the image's.
        if (std::strcmp(name, "security.selinux") == 0) {
            continue;
        }
        ssize_t length = fgetxattr(from, name, attribute_value.data(), attribute_value.size());
        if (length < 0 || fsetxattr(to, name, attribute_value.data(), static_cast<std::size_t>(length), 0) != 0) {
            return false;
        }
    }
    return true;
}

// Owner before mode, which a change of owner would trim; attributes (capabilities) last for the same reason.
bool copy_metadata(int from, int to, const struct stat &status) {
    std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
    return fchown(to, status.st_uid, status.st_gid) == 0 && fchmod(to, status.st_mode & 07777) == 0 &&
           copy_attributes(from, to) && futimens(to, times.data()) == 0;
}

bool copy_content(int from, int to) {
    while (true) {
        ssize_t sent = sendfile(to, from, nullptr, kMostAtOnce);
        if (sent <= 0) {
            return sent == 0;
        }
    }
}

bool copy_file(int from_directory, int to_directory, const char *name) {
    // O_NONBLOCK: by now it might be a pipe.
    Fd from(openat(from_directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status{};
    if (!from.is_open() || fstat(from.get(), &status) != 0) {
        return false;
    }
    Fd to(openat(to_directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return to.is_open() && copy_content(from.get(), to.get()) && copy_metadata(from.get(), to.get(), status);
}

bool copy_link(int from_directory, int to_directory, const char *name, const struct stat &status) {
    std::array<char, PATH_MAX> text{};
    ssize_t size = readlinkat(from_directory, name, text.data(), text.size() - 1);
    std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
    return size >= 0 && symlinkat(text.data(), to_directory, name) == 0 &&
           fchownat(to_directory, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) == 0 &&
           utimensat(to_directory, name, times.data(), AT_SYMLINK_NOFOLLOW) == 0;
}

bool copy_special(int to_directory, const char *name, const struct stat &status) {
    if (mknodat(to_directory, name, status.st_mode & S_IFMT, status.st_rdev) != 0) {
        return false;
    }
    Fd node(openat(to_directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    return node.is_open() && fchownat(node.get(), "", status.st_uid, status.st_gid, AT_EMPTY_PATH) == 0 &&
           change_mode(node.get(), status.st_mode & 07777) == 0;
}

bool copy_directory(const Fd &from, const Fd &to, int depth);

bool copy_entry(const Fd &from, const Fd &to, const char *name, int depth) {
    struct stat status{};
    if (fstatat(from.get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    switch (status.st_mode & S_IFMT) {
    case S_IFREG:
        return copy_file(from.get(), to.get(), name);
    case S_IFLNK:
        return copy_link(from.get(), to.get(), name, status);
    case S_IFDIR:
        break;
    default:
        return copy_special(to.get(), name, status);
    }
    Fd inner_from(openat(from.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner_from.is_open() || mkdirat(to.get(), name, 0700) != 0) {
        return false;
    }
    Fd inner_to(openat(to.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return inner_to.is_open() && copy_directory(inner_from, inner_to, depth + 1) &&
           copy_metadata(inner_from.get(), inner_to.get(), status);
}

bool copy_directory(const Fd &from, const Fd &to, int depth) { // NOLINT(misc-no-recursion): as deep as kDeepest
    if (depth > kDeepest) {
        errno = ELOOP;
        return false;
    }
    alignas(dirent64) std::array<char, 2048> entries{};
    while (true) {
        ssize_t size = getdents64(from.get(), entries.data(), entries.size());
        if (size <= 0) {
            return size == 0;
        }
        for (ssize_t at = 0; at < size;) {
            const auto *entry = reinterpret_cast<const dirent64 *>(entries.data() + at);
            at += entry->d_reclen;
            std::string_view name = entry->d_name;
            if (name != "." && name != ".." && !copy_entry(from, to, entry->d_name, depth)) {
                return false;
            }
        }
    }
}

} // namespace

bool copy_up(int from, int to) {
    Fd source(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Fd target(openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (!source.is_open() || !target.is_open() || fstat(source.get(), &status) != 0 ||
        !copy_directory(source, target, 0)) {
        return false;
    }
    std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
    return fchown(target.get(), status.st_uid, status.st_gid) == 0 && copy_attributes(source.get(), target.get()) &&
           futimens(target.get(), times.data()) == 0;
}

} // namespace ballast::isolate
