// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/subpath.h"

#include <sys/stat.h>

namespace ballast::engine {

namespace fs = std::filesystem;

std::optional<fs::path> below_without_links(const fs::path &root, const std::string &subpath) {
    fs::path walked = root;
    for (const fs::path &part : fs::path(subpath)) {
        walked /= part;
        struct stat status{};
        if (part == ".." || part.is_absolute() || lstat(walked.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) {
            return std::nullopt;
        }
    }
    return walked;
}

} // namespace ballast::engine
