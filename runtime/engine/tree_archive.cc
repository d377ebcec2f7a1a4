// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/tree_archive.h"

#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <tuple>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/engine/mount_points.h"
#include "runtime/image/tar.h"

namespace ballast::engine {
namespace {

constexpr std::size_t kBlock = 128UL << 10;
constexpr int kDeepest = 512;

Result<std::string> link_target(BorrowedFd fd) {
    std::string target(4096, '\0');
    const ssize_t size = readlinkat(fd.get(), "", target.data(), target.size());
    if (size < 0) {
        return fail_errno("readlink");
    }
    target.resize(static_cast<std::size_t>(size));
    return target;
}

std::map<std::string, std::string> attributes_of(BorrowedFd fd) {
    std::map<std::string, std::string> result;
    std::array<char, 4096> names{};
    const ssize_t size = flistxattr(fd.get(), names.data(), names.size());
    for (ssize_t at = 0; at < size;) {
        const std::string name(names.data() + at);
        at += static_cast<ssize_t>(name.size()) + 1;
        std::array<char, 4096> value{};
        if (name != "security.capability" && !name.starts_with("user.")) {
            continue;
        }
        if (const ssize_t got = fgetxattr(fd.get(), name.c_str(), value.data(), value.size()); got >= 0) {
            result[name] = std::string(value.data(), static_cast<std::size_t>(got));
        }
    }
    return result;
}

class Archiver {
  public:
    Archiver(image::TarWriter &writer, const image::OwnerMap &owner) : writer_(writer), owner_(owner) {}

    // `fd`: O_PATH of the entry, not followed.
    Status add(BorrowedFd fd, const std::string &name, int depth) {
        struct stat status{};
        if (fstat(fd.get(), &status) != 0) {
            return fail_errno("stat " + name);
        }
        image::TarEntry entry;
        entry.path = name;
        entry.mode = status.st_mode & 07777U;
        const image::Owner owner(status.st_uid, status.st_gid);
        std::tie(entry.uid, entry.gid) = owner_ ? TRY(owner_(owner)) : owner;
        entry.mtime = status.st_mtim;
        switch (status.st_mode & S_IFMT) {
        case S_IFDIR:
            return add_directory(fd, std::move(entry), depth);
        case S_IFREG:
            return add_file(fd, std::move(entry), status);
        case S_IFLNK:
            entry.kind = image::EntryKind::kSymlink;
            entry.target = TRY(link_target(fd));
            return writer_.add(entry);
        case S_IFCHR:
        case S_IFBLK:
            entry.kind = S_ISCHR(status.st_mode) ? image::EntryKind::kCharacterDevice : image::EntryKind::kBlockDevice;
            entry.device = status.st_rdev;
            return writer_.add(entry);
        case S_IFIFO:
            entry.kind = image::EntryKind::kFifo;
            return writer_.add(entry);
        default:
            return {}; // a socket: no archive can hold one
        }
    }

  private:
    // The very file that was looked at: by its descriptor, not by its name.
    static Result<Fd> reopen(BorrowedFd fd, int flags) {
        return open_file("/proc/self/fd/" + std::to_string(fd.get()), flags | O_NONBLOCK | O_NOCTTY);
    }

    Status add_file(BorrowedFd fd, image::TarEntry entry, const struct stat &status) {
        const Fd file = TRY(reopen(fd, O_RDONLY));
        entry.kind = image::EntryKind::kFile;
        entry.size = static_cast<std::uint64_t>(status.st_size);
        entry.xattrs = attributes_of(file);
        TRY(writer_.add(entry));
        std::string block(kBlock, '\0');
        std::uint64_t left = entry.size;
        while (left > 0) {
            const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size()));
            const ssize_t got = ::read(file.get(), block.data(), wanted);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0) {
                return fail_errno("read " + entry.path);
            }
            if (got == 0) { // it shrank: the archive says how long it is, so zeros make up for it
                block.assign(wanted, '\0');
            }
            const std::size_t size = got == 0 ? wanted : static_cast<std::size_t>(got);
            TRY(writer_.write(std::string_view(block).substr(0, size)));
            left -= size;
        }
        return {};
    }

    Status add_directory(BorrowedFd fd, image::TarEntry entry, int depth) {
        if (depth > kDeepest) {
            return fail(ELOOP, entry.path + ": nested too deep");
        }
        Fd directory = TRY(reopen(fd, O_RDONLY | O_DIRECTORY));
        entry.kind = image::EntryKind::kDirectory;
        entry.xattrs = attributes_of(directory);
        if (!entry.path.empty()) {
            TRY(writer_.add(entry));
        }
        const std::unique_ptr<DIR, int (*)(DIR *)> listing(fdopendir(directory.get()), &closedir);
        if (listing == nullptr) {
            return fail_errno("list " + entry.path);
        }
        const BorrowedFd inside(directory.release());        // the listing's now
        while (const dirent *one = readdir(listing.get())) { // NOLINT(concurrency-mt-unsafe): the listing is ours alone
            const std::string name = one->d_name;
            if (name == "." || name == "..") {
                continue;
            }
            const Fd child(openat(inside.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
            if (!child.is_open()) {
                continue; // gone meanwhile
            }
            TRY(add(child, entry.path.empty() ? name : entry.path + "/" + name, depth + 1));
        }
        return {};
    }

    image::TarWriter &writer_;
    const image::OwnerMap &owner_;
};

bool wants_directory(const std::string &path) { return path.ends_with('/') || path.ends_with("/."); }

Result<Fd> open_entry(const RootDir &root, const std::string &path) {
    const std::string clean = clean_path(path);
    return root.open_path(clean, O_PATH | (wants_directory(path) ? O_DIRECTORY : O_NOFOLLOW));
}

std::string base_name(const std::string &path) {
    const std::string clean = clean_path(path);
    return clean == "/" ? "/" : clean.substr(clean.rfind('/') + 1);
}

} // namespace

Result<PathStat> stat_in(const RootDir &root, const std::string &path, const std::string &container_id) {
    if (path.empty()) {
        return fail(EINVAL, "bad parameter: path cannot be empty");
    }
    const Result<Fd> fd = open_entry(root, path);
    if (!fd) {
        const bool missing = fd.error().code == ENOENT || fd.error().code == ENOTDIR;
        return missing ? fail(ENOENT, "Could not find the file " + escaped(path) + " in container " + container_id)
                       : std::unexpected(fd.error());
    }
    struct stat status{};
    if (fstat(fd->get(), &status) != 0) {
        return fail_errno("stat " + path);
    }
    PathStat result{.name = base_name(path),
                    .size = status.st_size,
                    .mode = status.st_mode,
                    .modified = Time(std::chrono::seconds(status.st_mtim.tv_sec) + Nanoseconds(status.st_mtim.tv_nsec)),
                    .link_target = {}};
    if (S_ISLNK(status.st_mode)) {
        const std::string target = TRY(link_target(*fd));
        const std::string clean = clean_path(path);
        result.link_target =
            target.starts_with('/') ? clean_path(target) : clean_path(clean.substr(0, clean.rfind('/')) + "/" + target);
    }
    return result;
}

Status archive_tree(const RootDir &root, const std::string &path, const Sink &sink, const image::OwnerMap &owner) {
    const Fd fd = TRY(open_entry(root, path));
    image::TarWriter writer = TRY(image::TarWriter::open(sink));
    // "DIR/." is what is in it, which the client lays into a directory of its own.
    const std::string name = base_name(path);
    TRY(Archiver(writer, owner).add(fd, name == "/" || path.ends_with("/.") ? "" : name, 0));
    return writer.close();
}

} // namespace ballast::engine
