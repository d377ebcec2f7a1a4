// SPDX-License-Identifier: Apache-2.0
#include "base/tree_size.h"

#include <functional>
#include <set>
#include <sys/stat.h>

namespace ballast {
namespace {

namespace fs = std::filesystem;

// Everything below `root`, hard links once.
void for_each(const fs::path &root, const std::function<void(const struct stat &)> &take) {
    std::set<std::pair<dev_t, ino_t>> seen;
    std::error_code error;
    fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        struct stat status{};
        const bool there = lstat(entry->path().c_str(), &status) == 0;
        if (there &&
            (S_ISDIR(status.st_mode) || status.st_nlink == 1 || seen.emplace(status.st_dev, status.st_ino).second)) {
            take(status);
        }
    }
}

} // namespace

std::uint64_t tree_size(const fs::path &root) {
    std::uint64_t bytes = 0;
    for_each(root, [&bytes](const struct stat &status) {
        bytes += S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    });
    return bytes;
}

TreeUse tree_use(const fs::path &root) {
    constexpr std::uint64_t kBlock = 512; // of st_blocks, whatever the file system's are
    TreeUse use;
    const auto add = [&use](const struct stat &status) {
        use.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
        use.inodes++;
    };
    struct stat own{};
    if (lstat(root.c_str(), &own) == 0) {
        add(own);
    }
    for_each(root, add);
    return use;
}

} // namespace ballast
