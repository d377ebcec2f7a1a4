// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/result.h"

// A walk over a tree that somebody may be changing, a container for example: by descriptors, never over links, in the
// order of names.
namespace ballast::image {

struct TreeEntry {
    std::string path; // relative to the tree's root, no slash in front
    std::string name; // its last component
    BorrowedFd parent;
    struct stat status{};

    bool is_directory() const { return S_ISDIR(status.st_mode); }
    bool is_whiteout() const; // overlayfs's character device 0:0
    // O_PATH where content is not wanted. ESTALE when it is no longer what `status` says.
    Result<Fd> open() const;
};

// True: go into this directory.
using TreeVisit = std::function<Result<bool>(const TreeEntry &)>;
// Called for a directory that was gone into, after all that it holds.
using TreeLeave = std::function<Status(const TreeEntry &)>;

// What vanishes while it is looked at is left out. ELOOP beyond 1000 levels.
Status walk_tree(const std::filesystem::path &root, const TreeVisit &visit, const TreeLeave &leave = {});

bool is_opaque(BorrowedFd directory);
// user.*, security.capability and POSIX ACLs, as layers carry them.
Result<std::map<std::string, std::string>> layer_xattrs(BorrowedFd fd);

} // namespace ballast::image
