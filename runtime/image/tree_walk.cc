// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/tree_walk.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include "base/directory_names.h"
#include "base/file_io.h"
#include "base/json/json_tree.h"

namespace ballast::image {
namespace {

constexpr unsigned kDeepest = 1000; // one descriptor a level
constexpr std::size_t kLargestXattr = 64UL << 10;

Status walk(const Fd &directory, const std::string &path, unsigned depth, const TreeVisit &visit,
            const TreeLeave &leave) {
    if (depth > kDeepest) {
        return fail(ELOOP, shortly_quoted(path) + ": deeper than " + std::to_string(kDeepest) + " directories");
    }
    for (const std::string &name : TRY(names_in(directory))) {
        TreeEntry entry{
            .path = path.empty() ? name : path + "/" + name, .name = name, .parent = directory, .status = {}};
        if (fstatat(directory.get(), name.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) {
                continue;
            }
            return fail_errno("stat " + shortly_quoted(entry.path));
        }
        if (!TRY(visit(entry)) || !entry.is_directory()) {
            continue;
        }
        const Fd below(openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!below.is_open()) {
            if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
                continue;
            }
            return fail_errno("open " + shortly_quoted(entry.path));
        }
        TRY(walk(below, entry.path, depth + 1, visit, leave));
        TRY(leave ? leave(entry) : Status());
    }
    return {};
}

bool is_carried(std::string_view name) {
    return name == "security.capability" || name == "system.posix_acl_access" || name == "system.posix_acl_default" ||
           (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

} // namespace

bool TreeEntry::is_whiteout() const { return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0); }

Result<Fd> TreeEntry::open() const {
    const bool content = S_ISREG(status.st_mode) || is_directory();
    // O_NONBLOCK: a pipe that takes a file's place meanwhile would make us wait.
    const int flags = content ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH;
    Fd fd(openat(parent.get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    struct stat now{};
    if (!fd.is_open() || fstat(fd.get(), &now) != 0 || now.st_ino != status.st_ino ||
        (now.st_mode & S_IFMT) != (status.st_mode & S_IFMT)) {
        return fail(ESTALE, shortly_quoted(path) + " changed while it was read");
    }
    return fd;
}

Status walk_tree(const std::filesystem::path &root, const TreeVisit &visit, const TreeLeave &leave) {
    const Fd directory = TRY(open_file(root, O_RDONLY | O_DIRECTORY));
    return walk(directory, "", 0, visit, leave);
}

bool is_opaque(BorrowedFd directory) {
    char value = 0;
    return fgetxattr(directory.get(), "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

Result<std::map<std::string, std::string>> layer_xattrs(BorrowedFd fd) {
    std::map<std::string, std::string> xattrs;
    std::vector<char> list(kLargestXattr);
    const ssize_t size = flistxattr(fd.get(), list.data(), list.size());
    if (size < 0) {
        return errno == ENOTSUP ? Result<std::map<std::string, std::string>>(xattrs)
                                : fail_errno("list extended attributes");
    }
    std::vector<char> value(kLargestXattr);
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        const std::string name = list.data() + at;
        at += name.size() + 1;
        if (!is_carried(name)) {
            continue;
        }
        const ssize_t length = fgetxattr(fd.get(), name.c_str(), value.data(), value.size());
        if (length < 0 && errno != ENODATA) {
            return fail_errno("read extended attribute " + shortly_quoted(name));
        }
        if (length >= 0) {
            xattrs[name] = std::string(value.data(), static_cast<std::size_t>(length));
        }
    }
    return xattrs;
}

} // namespace ballast::image
