// SPDX-License-Identifier: Apache-2.0
#include "base/file_io.h"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunk = 64UL << 10;
// How deep remove_tree() descends, one descriptor a level, before it moves what is deeper up to the tree's top.
constexpr int kDeepest = 100;

fs::path directory_of(const fs::path &path) { return path.has_parent_path() ? path.parent_path() : "."; }

// chattr +i and +a stop every unlink in a directory, and of a file, even by root.
Status clear_protection(BorrowedFd fd, const fs::path &path) {
    int flags = 0; // the kernel writes an int, whatever the ioctl's number says
    if (ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) == 0) {
        return {}; // a file system without flags has none that could be in the way
    }
    flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
    if (ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) != 0) {
        return fail_errno("clear the immutable flag of " + path.string());
    }
    return {};
}

class TreeRemover {
  public:
    // Removes `name` in `directory`. `path` is for messages only.
    Status remove(BorrowedFd directory, const std::string &name, const fs::path &path, int depth = 0) {
        if (unlinkat(directory.get(), name.c_str(), 0) == 0 || errno == ENOENT) {
            return {};
        }
        if (errno == EPERM) {
            TRY(unprotect(directory, name, path));
            if (unlinkat(directory.get(), name.c_str(), 0) == 0) {
                return {};
            }
        }
        if (errno != EISDIR) {
            return fail_errno("remove " + path.string());
        }
        if (depth > kDeepest && renameat(directory.get(), name.c_str(), top_, next_name().c_str()) == 0) {
            return {}; // the top is read again until it is empty
        }
        Fd fd = open_entry(directory, name, O_RDONLY | O_DIRECTORY);
        if (!fd.is_open()) {
            return errno == EXDEV ? fail(EXDEV, "remove " + path.string() + ": is a mount point, unmount it first")
                                  : fail_errno("open " + path.string());
        }
        if (depth == 0) {
            top_ = fd.get();
        }
        TRY(clear_protection(fd, path));
        TRY(empty(std::move(fd), path, depth));
        if (unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
            return fail_errno("remove " + path.string());
        }
        return {};
    }

  private:
    Status empty(Fd fd, const fs::path &path, int depth) {
        std::unique_ptr<DIR, int (*)(DIR *)> listing(fdopendir(fd.get()), &closedir);
        if (listing == nullptr) {
            return fail_errno("list " + path.string());
        }
        BorrowedFd directory(fd.release()); // the listing's now
        // Which entries a listing shows after some were removed is not specified: read until it shows none.
        for (bool found = true; found; rewinddir(listing.get())) {
            found = false;
            while (true) {
                errno = 0;
                const dirent *entry =
                    readdir(listing.get()); // NOLINT(concurrency-mt-unsafe): the listing is ours alone
                if (entry == nullptr && errno != 0) {
                    return fail_errno("list " + path.string());
                }
                if (entry == nullptr) {
                    break;
                }
                std::string name = entry->d_name;
                if (name != "." && name != "..") {
                    found = true;
                    TRY(remove(directory, name, path / name, depth + 1));
                }
            }
        }
        return {};
    }

    // What is mounted into a tree is not part of it: EXDEV.
    static Fd open_entry(BorrowedFd directory, const std::string &name, int flags) {
        open_how how{};
        how.flags = static_cast<unsigned>(flags) | O_NOFOLLOW | O_CLOEXEC;
        how.resolve = RESOLVE_NO_XDEV;
        return Fd(static_cast<int>(syscall(SYS_openat2, directory.get(), name.c_str(), &how, sizeof how)));
    }

    static Status unprotect(BorrowedFd directory, const std::string &name, const fs::path &path) {
        struct stat status{};
        if (fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) {
            return {}; // only regular files and directories carry the flag; the next unlink reports the reason
        }
        Fd fd = open_entry(directory, name, O_RDONLY | O_NONBLOCK);
        if (!fd.is_open()) {
            return fail_errno("open " + path.string());
        }
        return clear_protection(fd, path);
    }

    std::string next_name() { return ".ballast.deep." + std::to_string(moved_++); }

    int top_ = -1;
    std::size_t moved_ = 0;
};

} // namespace

Result<Fd> open_file(const fs::path &path, int flags, mode_t mode) {
    int fd = -1;
    do {
        fd = open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return fail_errno("open " + path.string());
    }
    return Fd(fd);
}

Result<std::string> read_all(BorrowedFd fd, const std::string &name, std::uint64_t limit) {
    std::string content;
    while (true) {
        std::size_t before = content.size();
        ssize_t got = 0;
        // Grows by doubling; the size that fstat() tells is 0 for all of /proc and /sys.
        content.resize_and_overwrite(before + std::max(kChunk, before), [&](char *bytes, std::size_t size) {
            got = ::read(fd.get(), bytes + before, size - before);
            return before + static_cast<std::size_t>(std::max<ssize_t>(got, 0));
        });
        if (got < 0 && errno != EINTR) {
            return fail_errno("read " + name);
        }
        if (content.size() > limit) {
            return fail(EFBIG, "read " + name + ": larger than " + std::to_string(limit) + " bytes");
        }
        if (got == 0) {
            content.shrink_to_fit();
            return content;
        }
    }
}

Result<std::string> read_file(const fs::path &path, std::uint64_t limit) {
    Fd fd = TRY(open_file(path, O_RDONLY));
    return read_all(fd, path.string(), limit);
}

Status write_all(BorrowedFd fd, std::string_view content) {
    while (!content.empty()) {
        ssize_t written = ::write(fd.get(), content.data(), content.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return fail_errno("write");
        }
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Status write_file(const fs::path &path, std::string_view content, mode_t mode) {
    Fd fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
    return write_all(fd, content).within(path.string());
}

Status replace_file(const fs::path &path, std::string_view content, mode_t mode) {
    // A short name of its own: the file's name with something added could exceed what a name may have.
    std::string temporary = directory_of(path) / ".ballast.XXXXXX";
    Fd fd(mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.is_open()) {
        return fail_errno("replace " + path.string() + ": create a file beside it");
    }
    Status done = write_all(fd, content);
    if (done && fchmod(fd.get(), mode) != 0) {
        done = fail_errno("chmod");
    }
    if (done && fsync(fd.get()) != 0) {
        done = fail_errno("fsync");
    }
    if (done && rename(temporary.c_str(), path.c_str()) != 0) {
        done = fail_errno("rename");
    }
    if (!done) {
        (void)unlink(temporary.c_str()); // the error that matters is the first one
        return std::move(done).within("replace " + path.string());
    }
    return sync_directory(directory_of(path)).within("replace " + path.string());
}

Status sync_directory(const fs::path &directory) {
    Fd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    if (fsync(fd.get()) != 0) {
        return fail_errno("fsync " + directory.string());
    }
    return {};
}

Status make_directories(const fs::path &path, mode_t mode) {
    fs::path made;
    for (const fs::path &component : path) {
        made /= component;
        if (mkdir(made.c_str(), mode) == 0) {
            if (chmod(made.c_str(), mode) != 0) {
                return fail_errno("chmod " + made.string());
            }
            continue;
        }
        // A read-only file system answers EROFS, and a directory that is not ours EACCES, even where one stands.
        int code = errno;
        struct stat status{};
        if (stat(made.c_str(), &status) != 0 || (!S_ISDIR(status.st_mode) && code != EEXIST)) {
            return fail_errno("make directory " + made.string(), code);
        }
        if (!S_ISDIR(status.st_mode)) {
            return fail_errno("make directory " + made.string(), ENOTDIR);
        }
    }
    return {};
}

Status remove_tree(const fs::path &path) {
    fs::path plain = path.has_filename() ? path : path.parent_path(); // "a/" would follow a link named "a"
    if (!plain.has_filename() || plain.filename() == "." || plain.filename() == "..") {
        return fail(EINVAL, "remove \"" + path.string() + "\": names no entry of a directory");
    }
    Result<Fd> parent = open_file(directory_of(plain), O_PATH | O_DIRECTORY);
    if (!parent && parent.error().code == ENOENT) {
        return {};
    }
    Fd fd = TRY(std::move(parent));
    return remove_tree_at(fd, plain.filename(), directory_of(plain));
}

Status remove_tree_at(BorrowedFd directory, const std::string &name, const fs::path &where) {
    return TreeRemover().remove(directory, name, where / name);
}

Result<TemporaryDirectory> TemporaryDirectory::create(const fs::path &parent, const std::string &prefix) {
    std::string name = parent / (prefix + "XXXXXX");
    if (mkdtemp(name.data()) == nullptr) {
        return fail_errno("make a temporary directory in " + parent.string());
    }
    return TemporaryDirectory(name);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory &&other) noexcept
    : path_(std::exchange(other.path_, fs::path())) {}

TemporaryDirectory &TemporaryDirectory::operator=(TemporaryDirectory &&other) noexcept {
    std::swap(path_, other.path_); // ours goes with `other`
    return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
    if (!path_.empty()) {
        (void)remove_tree(path_); // a destructor has nobody to tell, and the name is in a scratch directory
    }
}

Result<FileLock> FileLock::acquire(const fs::path &lock_file) {
    Fd fd = TRY(open_file(lock_file, O_RDWR | O_CREAT, 0600));
    while (flock(fd.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return fail_errno("lock " + lock_file.string());
        }
    }
    return FileLock(std::move(fd));
}

} // namespace ballast
