// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/tree_size.h"

#include <set>
#include <sys/stat.h>

namespace ballast::engine {

std::uint64_t tree_size(const std::filesystem::path &root) {
    namespace fs = std::filesystem;
    std::uint64_t bytes = 0;
    std::set<std::pair<dev_t, ino_t>> seen;
    std::error_code error;
    fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        struct stat status{};
        if (lstat(entry->path().c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
            (status.st_nlink == 1 || seen.emplace(status.st_dev, status.st_ino).second)) {
            bytes += static_cast<std::uint64_t>(status.st_size);
        }
    }
    return bytes;
}

} // namespace ballast::engine
