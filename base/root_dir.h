// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace ballast {

// A directory that is somebody else's root: every path is resolved inside it (openat2(2) with RESOLVE_IN_ROOT and
// RESOLVE_NO_MAGICLINKS), so absolute links and ".." of the tree stay in the tree.
class RootDir {
  public:
    static Result<RootDir> open(const std::filesystem::path &directory);

    // open(2) flags; O_CLOEXEC is added. A final link is followed inside the root unless O_NOFOLLOW is given.
    Result<Fd> open_path(const std::filesystem::path &inside, int flags, mode_t mode = 0) const;
    // A regular file of at most kDefaultReadLimit bytes; anything else (a pipe would make us wait) is EINVAL.
    Result<std::string> read(const std::filesystem::path &inside) const;
    // Creates or replaces a regular file by a rename; missing parent directories are made (0755). A final link is
    // replaced, not followed; so is one of several hard links. Not synced. Modes here are exact, whatever the umask.
    Status write(const std::filesystem::path &inside, std::string_view content, mode_t mode = 0644) const;
    Status make_directories(const std::filesystem::path &inside, mode_t mode = 0755) const;
    // Replaces whatever stands at `inside` (not a directory that has content) by a symbolic link; makes missing
    // parents.
    Status make_symlink(const std::string &target, const std::filesystem::path &inside) const;
    // rm -rf as remove_tree(); missing is fine, the root itself is EINVAL.
    Status remove(const std::filesystem::path &inside) const;
    // lstat: false when it is not there or cannot be reached inside the root.
    bool exists(const std::filesystem::path &inside) const;

    BorrowedFd fd() const { return BorrowedFd(fd_.get()); }
    const std::filesystem::path &path() const { return path_; }

  private:
    RootDir(Fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Fd fd_;
    std::filesystem::path path_;
};

} // namespace ballast
