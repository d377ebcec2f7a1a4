// SPDX-License-Identifier: Apache-2.0
#include "agent/volumes/claim_volume.h"

#include <fcntl.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/directory_names.h"
#include "base/fd.h"
#include "base/file_io.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileBits = 0660, kDirectoryBits = 0770 | S_ISGID; // as kubelet's
constexpr int kDeepest = 2048;                                      // of what a path can name

// Links are never followed, and what is looked at is what is changed: containers that write there may be running.
class Gift {
  public:
    explicit Gift(gid_t group) : group_(group) {}

    Status give(BorrowedFd directory, const std::string &name, const fs::path &path, int depth) const {
        const Fd entry(::openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!entry.is_open()) {
            return errno == ENOENT ? Status() : fail_errno("open " + path.string());
        }
        struct stat found{};
        if (::fstat(entry.get(), &found) != 0) {
            return fail_errno("stat " + path.string());
        }
        if (::fchownat(entry.get(), "", static_cast<uid_t>(-1), group_, AT_EMPTY_PATH) != 0) {
            return fail_errno("chown " + path.string());
        }
        const bool directory_itself = S_ISDIR(found.st_mode);
        if (!directory_itself && !S_ISREG(found.st_mode)) {
            return {};
        }
        const mode_t mode = (found.st_mode & 07777) | (directory_itself ? kDirectoryBits : kFileBits);
        if (::chmod(("/proc/self/fd/" + std::to_string(entry.get())).c_str(), mode) != 0) {
            return fail_errno("chmod " + path.string());
        }
        return directory_itself ? give_all(entry, path, depth) : Status();
    }

  private:
    Status give_all(BorrowedFd entry, const fs::path &path, int depth) const {
        if (depth == kDeepest) {
            return fail(ENAMETOOLONG, path.string() + " is too deep a directory to be given to a group");
        }
        for (const std::string &name : TRY(names_in(entry).within(path.string()))) {
            TRY(give(entry, name, path / name, depth + 1));
        }
        return {};
    }

    gid_t group_;
};

Status give_to_group(const fs::path &directory, gid_t group, bool always) {
    struct stat found{};
    if (::stat(directory.c_str(), &found) != 0) {
        return fail_errno("stat " + directory.string());
    }
    if (!always && found.st_gid == group && (found.st_mode & kDirectoryBits) == kDirectoryBits) {
        return {};
    }
    const Fd root = TRY(open_file(directory, O_PATH | O_DIRECTORY));
    return Gift(group).give(root, ".", directory, 0);
}

void unmount(const fs::path &target) {
    (void)::umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH); // an error before it is the one to tell
}

// What is done to the mount at `target`, its end above all, is not done to where its directory came from.
Status bind(BorrowedFd source, const fs::path &target) {
    const std::string path = "/proc/self/fd/" + std::to_string(source.get());
    if (::mount(path.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
        return fail_errno("mount " + target.string());
    }
    if (::mount(nullptr, target.c_str(), nullptr, MS_SLAVE, nullptr) != 0) {
        const Status failed = fail_errno("change propagation of " + target.string());
        unmount(target);
        return failed;
    }
    return {};
}

} // namespace

Status mount_claim(const fs::path &source, const fs::path &target, std::optional<gid_t> group, bool always) {
    constexpr mode_t kMode = 0750;
    const Fd directory = TRY(open_file(source, O_PATH | O_DIRECTORY));
    TRY(make_directories(target, kMode));
    TRY(bind(directory, target));
    const Status given = group ? give_to_group(target, *group, always) : Status();
    if (!given.has_value()) {
        unmount(target);
    }
    return given;
}

} // namespace ballast::agent
