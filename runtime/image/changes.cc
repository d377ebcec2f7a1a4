// SPDX-License-Identifier: Apache-2.0
// docker diff.
#include <algorithm>
#include <fcntl.h>
#include <linux/openat2.h>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/image/diff.h"
#include "runtime/image/tree_walk.h"

namespace ballast::image {
namespace {

namespace fs = std::filesystem;

// The layers below, looked up as overlayfs does it; their links lead nowhere.
class Lower {
  public:
    static Result<Lower> open(const std::vector<fs::path> &directories) {
        Lower lower;
        for (const fs::path &directory : directories) {
            lower.layers_.push_back(TRY(open_file(directory, O_PATH | O_DIRECTORY)));
        }
        return lower;
    }

    std::optional<struct stat> find(const std::string &path) const {
        for (const Fd &layer : layers_) {
            bool opaque = false;
            for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
                const std::optional<struct stat> status = look(layer, path.substr(0, end), opaque);
                if (!status) {
                    break; // not in this layer
                }
                const bool whiteout = S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
                const bool last = end == std::string::npos;
                if (whiteout || (!last && !S_ISDIR(status->st_mode))) {
                    return std::nullopt; // hides what is further down
                }
                if (last) {
                    return status;
                }
            }
            if (opaque) {
                return std::nullopt;
            }
        }
        return std::nullopt;
    }

  private:
    static std::optional<struct stat> look(const Fd &layer, const std::string &path, bool &opaque) {
        open_how how{};
        how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
        const Fd fd(static_cast<int>(syscall(SYS_openat2, layer.get(), path.c_str(), &how, sizeof how)));
        struct stat status{};
        if (!fd.is_open() || fstat(fd.get(), &status) != 0) {
            return std::nullopt;
        }
        if (S_ISDIR(status.st_mode)) {
            how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
            const Fd directory(static_cast<int>(syscall(SYS_openat2, layer.get(), path.c_str(), &how, sizeof how)));
            opaque = opaque || (directory.is_open() && is_opaque(directory));
        }
        return status;
    }
    std::vector<Fd> layers_;
};

bool same_directory(const struct stat &one, const struct stat &other) {
    return S_ISDIR(one.st_mode) && S_ISDIR(other.st_mode) && one.st_mode == other.st_mode &&
           one.st_uid == other.st_uid && one.st_gid == other.st_gid && one.st_mtim.tv_sec == other.st_mtim.tv_sec &&
           one.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

} // namespace

Result<std::vector<Change>> changes(const fs::path &upper, const std::vector<fs::path> &lower_directories,
                                    const Skipped &skipped) {
    const Lower lower = TRY(Lower::open(lower_directories));
    std::map<std::string, ChangeKind> found;
    std::vector<std::string> copied_up; // directories that are as they were, for all that is known yet
    TRY(walk_tree(upper,
                  [&](const TreeEntry &entry) -> Result<bool> {
                      const std::string path = "/" + entry.path;
                      if (skipped.contains(path)) {
                          return false;
                      }
                      if (entry.is_whiteout()) {
                          found[path] = ChangeKind::kDeleted;
                          return false;
                      }
                      const std::optional<struct stat> below = lower.find(entry.path);
                      if (!below) {
                          found[path] = ChangeKind::kAdded;
                      } else if (same_directory(entry.status, *below)) {
                          copied_up.push_back(path);
                      } else {
                          found[path] = ChangeKind::kModified;
                      }
                      return true;
                  },
                  {}));
    // From the deepest up, so that one that counts makes those above it count.
    for (auto directory = copied_up.rbegin(); directory != copied_up.rend(); ++directory) {
        const auto below = found.lower_bound(*directory + "/");
        if (below != found.end() && below->first.starts_with(*directory + "/")) {
            found[*directory] = ChangeKind::kModified;
        }
    }
    std::vector<Change> list;
    for (const auto &[path, kind] : found) {
        list.push_back({.path = path, .kind = kind});
    }
    return list;
}

} // namespace ballast::image
