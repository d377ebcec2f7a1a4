// SPDX-License-Identifier: Apache-2.0
#include "updater/etc_conflicts.h"

#include <algorithm>
#include <set>
#include <sys/stat.h>

#include "base/file_io.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargest = 16ULL << 20; // bytes; larger files of one size count as changed

// All that libostree's merge looks at: kind, mode, owner, and content or target. Directories are their mode and owner.
struct Look {
    bool there = false;
    mode_t mode = 0;
    uid_t owner = 0;
    gid_t group = 0;
    std::string content;
    bool operator==(const Look &) const = default;
};

Result<Look> look_at(const fs::path &path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? Result<Look>(Look()) : fail_errno("look at " + path.string());
    }
    Look look{.there = true, .mode = status.st_mode, .owner = status.st_uid, .group = status.st_gid, .content = {}};
    if (S_ISLNK(status.st_mode)) {
        std::error_code error;
        look.content = fs::read_symlink(path, error);
    } else if (S_ISREG(status.st_mode)) {
        look.content = static_cast<std::uint64_t>(status.st_size) > kLargest ? std::to_string(status.st_mtime)
                                                                             : TRY(read_file(path, kLargest));
    }
    return look;
}

Status collect(const fs::path &root, std::set<std::string> &paths) {
    std::error_code error;
    for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
        paths.insert(at->path().lexically_relative(root));
    }
    return error ? Status(fail_errno("list " + root.string(), error.value())) : Status();
}

} // namespace

Result<std::vector<std::string>> etc_conflicts(const fs::path &present, const fs::path &old_default,
                                               const fs::path &new_default, std::size_t most) {
    std::set<std::string> paths;
    TRY(collect(old_default, paths));
    TRY(collect(new_default, paths));
    std::vector<std::string> conflicts;
    for (const std::string &path : paths) {
        const Look before = TRY(look_at(old_default / path));
        const Look after = TRY(look_at(new_default / path));
        if (before == after) {
            continue;
        }
        const Look ours = TRY(look_at(present / path));
        if (ours != before && ours != after && conflicts.size() < most) {
            conflicts.push_back(path);
        }
    }
    return conflicts;
}

} // namespace ballast::updater
