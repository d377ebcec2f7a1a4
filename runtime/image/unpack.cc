// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/unpack.h"

#include <ctime>
#include <fcntl.h>
#include <functional>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utility>

#include "base/file_io.h"
#include "base/json/json_tree.h"
#include "base/rollback.h"
#include "runtime/image/layer_path.h"

namespace ballast::image {
namespace {

constexpr std::size_t kMostOpenParents = 32;
constexpr const char *kOpaqueXattr = "trusted.overlay.opaque";
constexpr std::string_view kCapability = "security.capability";

bool is_whiteout(const struct stat &status) { return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0); }

// What an image may bring. trusted.overlay.* would make overlayfs look elsewhere, security.selinux belongs to the host.
bool is_allowed_xattr(std::string_view name) {
    return name == kCapability || name == "system.posix_acl_access" || name == "system.posix_acl_default" ||
           (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

Status write_at(int fd, std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return fail_errno("write");
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
    return {};
}

// As the kernel stamps files.
timespec now() {
    timespec time{};
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &time); // every Linux has it
    return time;
}

class Unpacker {
  public:
    Unpacker(TarReader &archive, const RootDir &root, const UnpackOptions &options)
        : archive_(archive), root_(root), options_(options) {}

    Result<Unpacked> run() {
        TarEntry entry;
        while (TRY(archive_.next(entry))) {
            if (++done_.entries > options_.limits.entries) {
                return fail(EFBIG, "more than " + std::to_string(options_.limits.entries) + " entries");
            }
            TRY(take(entry));
        }
        TRY(leave_parents());
        return done_;
    }

  private:
    // A directory that entries go into. Each of them changes its time, which it gets back when it is left: so nothing
    // has to be remembered of the millions of directories that an archive may have.
    struct Parent {
        Fd fd;
        dev_t device;
        ino_t inode;
        std::optional<timespec> time; // none: it is not of this archive
    };

    Status take(TarEntry &entry) {
        const LayerPath path = TRY(parse_layer_path(entry.path, options_.whiteouts, options_.limits));
        if (!options_.keep_owners) {
            entry.uid = options_.uid;
            entry.gid = options_.gid;
        }
        if (options_.owner_there) {
            const Owner owner = TRY(options_.owner_there({entry.uid, entry.gid}).within(shortly_quoted(entry.path)));
            entry.uid = owner.first;
            entry.gid = owner.second;
        }
        Status done;
        switch (path.kind) {
        case PathKind::kIgnored:
            return {};
        case PathKind::kRoot:
            done = make_root(entry);
            break;
        case PathKind::kWhiteout:
            done = make_whiteout(path);
            break;
        case PathKind::kOpaque:
            done = make_opaque(path.parent);
            break;
        case PathKind::kEntry:
            done = make_entry(path, entry);
            break;
        }
        return std::move(done).within("entry " + shortly_quoted(entry.path));
    }

    Status make_entry(const LayerPath &path, const TarEntry &entry) {
        const int parent = TRY(open_parent(path.parent));
        switch (entry.kind) {
        case EntryKind::kDirectory:
            return make_directory(path, parent, entry);
        case EntryKind::kFile:
            return make_file(path, parent, entry);
        case EntryKind::kHardLink:
            return make_hard_link(path, parent, entry);
        case EntryKind::kSymlink:
            return make_symlink(path, parent, entry);
        case EntryKind::kCharacterDevice:
        case EntryKind::kBlockDevice:
        case EntryKind::kFifo:
            return make_node(path, parent, entry);
        case EntryKind::kSocket:
            return {}; // belongs to whoever listens on it
        }
        return {};
    }

    // The directory `path` inside the root, made when missing. Valid until the next call or forget_parents().
    Result<int> open_parent(const std::string &path) {
        const auto known = parents_.find(path);
        if (known != parents_.end()) {
            return known->second.fd.get();
        }
        Result<Fd> opened = root_.open_path(path, O_PATH | O_DIRECTORY);
        if (!opened.has_value() && opened.error().code == ENOENT && !path.empty()) {
            const std::size_t slash = path.rfind('/');
            TRY(open_parent(slash == std::string::npos ? "" : path.substr(0, slash)));
            TRY(root_.make_directories(path));
            opened = root_.open_path(path, O_PATH | O_DIRECTORY);
        }
        if (!opened.has_value()) {
            return std::unexpected(opened.error());
        }
        if (parents_.size() >= kMostOpenParents) {
            TRY(leave_parents());
        }
        return parents_.emplace(path, TRY(parent_of(std::move(*opened)))).first->second.fd.get();
    }

    Result<Parent> parent_of(Fd fd) const {
        struct stat status{};
        if (fstat(fd.get(), &status) != 0) {
            return fail_errno("stat");
        }
        Parent parent{.fd = std::move(fd), .device = status.st_dev, .inode = status.st_ino, .time = {}};
        for (const auto &[path, other] : parents_) { // by another name, through a link
            if (other.device == parent.device && other.inode == parent.inode) {
                parent.time = other.time;
                return parent;
            }
        }
        const timespec &changed = status.st_ctim; // nothing but what we do sets that
        if (std::pair(changed.tv_sec, changed.tv_nsec) >= std::pair(began_.tv_sec, began_.tv_nsec)) {
            parent.time = status.st_mtim;
        }
        return parent;
    }

    Status leave_parents() {
        for (const auto &[path, parent] : parents_) {
            const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, parent.time.value_or(timespec{})};
            if (parent.time && utimensat(parent.fd.get(), "", times, AT_EMPTY_PATH) != 0) {
                return fail_errno("set time of " + shortly_quoted(path));
            }
        }
        parents_.clear();
        return {};
    }

    // Now, and again when it is left, should it be the parent of other entries.
    Status set_directory_time(const Fd &directory, const timespec &time) {
        const timespec times[2] = {time, time};
        struct stat status{};
        if (futimens(directory.get(), times) != 0 || fstat(directory.get(), &status) != 0) {
            return fail_errno("set time");
        }
        for (auto &[path, parent] : parents_) {
            if (parent.device == status.st_dev && parent.inode == status.st_ino) {
                parent.time = time;
            }
        }
        return {};
    }

    // Takes away what stands where `entry` goes. The directories that were open may be what was taken away; `parent`
    // itself cannot.
    Status make_room(const LayerPath &path, int parent) {
        struct stat there{};
        if (fstatat(parent, path.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno == ENOENT ? Status() : fail_errno("stat");
        }
        if (!S_ISDIR(there.st_mode)) {
            if (unlinkat(parent, path.name.c_str(), 0) != 0) {
                return fail_errno("replace");
            }
            stale_ = true;
            return {};
        }
        if (options_.keep_kinds) {
            return fail(EISDIR, "cannot overwrite a directory with what is none");
        }
        stale_ = true;
        return remove_tree_at(BorrowedFd(parent), path.name, root_.path() / path.parent);
    }

    // Runs `make`, and once more when something stood in its place. False of `make`: errno says why.
    Status make_in_place(const LayerPath &path, int parent, const std::function<bool()> &make, const char *what) {
        if (make()) {
            return {};
        }
        if (errno != EEXIST) {
            return fail_errno(what);
        }
        TRY(make_room(path, parent));
        if (!make()) {
            return fail_errno(what);
        }
        return {};
    }

    // After the last use of a parent's descriptor: links and directories may lead elsewhere now.
    Status forget_parents() { return std::exchange(stale_, false) ? leave_parents() : Status(); }

    Status make_directory(const LayerPath &path, int parent, const TarEntry &entry) {
        bool opaque = false;
        if (mkdirat(parent, path.name.c_str(), 0700) != 0) {
            if (errno != EEXIST) {
                return fail_errno("mkdir");
            }
            struct stat there{};
            if (fstatat(parent, path.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
                return fail_errno("stat");
            }
            if (!S_ISDIR(there.st_mode)) {
                if (options_.keep_kinds) {
                    return fail(ENOTDIR, "cannot overwrite what is no directory with one");
                }
                // The layer hides what was there and puts a directory in its place: the old one must not shine through.
                opaque = options_.whiteouts && is_whiteout(there);
                TRY(make_room(path, parent));
                if (mkdirat(parent, path.name.c_str(), 0700) != 0) {
                    return fail_errno("mkdir");
                }
            }
        }
        const Fd made(openat(parent, path.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made.is_open()) {
            return fail_errno("open");
        }
        TRY(set_attributes(made.get(), entry));
        if (opaque) {
            TRY(set_opaque(made.get()));
        }
        TRY(set_directory_time(made, entry.mtime));
        return forget_parents();
    }

    Status make_file(const LayerPath &path, int parent, const TarEntry &entry) {
        if (entry.size > options_.limits.bytes - done_.bytes) {
            return fail(EFBIG, "its " + std::to_string(entry.size) + " bytes are more than the " +
                                   std::to_string(options_.limits.bytes) + " that are allowed for all files together");
        }
        done_.bytes += entry.size;
        Fd file;
        TRY(make_in_place(
            path, parent,
            [&] {
                file =
                    Fd(openat(parent, path.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
                return file.is_open();
            },
            "create"));
        Rollback undo; // a file without its whole content, say on a full disk
        undo.add([&] { (void)unlinkat(parent, path.name.c_str(), 0); });
        TRY(write_content(file.get(), entry.size));
        undo.commit();
        TRY(set_attributes(file.get(), entry));
        const timespec times[2] = {entry.mtime, entry.mtime};
        if (futimens(file.get(), times) != 0) {
            return fail_errno("set time");
        }
        return forget_parents();
    }

    Status write_content(int file, std::uint64_t size) {
        std::uint64_t end = 0;
        while (const std::optional<TarReader::Block> block = TRY(archive_.data())) {
            if (block->offset > size || block->bytes.size() > size - block->offset) {
                return fail(EINVAL, "more content than its size says");
            }
            TRY(write_at(file, block->bytes, block->offset));
            end = block->offset + block->bytes.size();
        }
        if (end != size && ftruncate(file, static_cast<off_t>(size)) != 0) {
            return fail_errno("set size");
        }
        return {};
    }

    Status make_hard_link(const LayerPath &path, int parent, const TarEntry &entry) {
        const LayerPath target =
            TRY(parse_layer_path(entry.target, options_.whiteouts, options_.limits).within("link"));
        if (target.kind != PathKind::kEntry) {
            return fail(EINVAL, "a hard link to " + shortly_quoted(entry.target) + ", which is no file");
        }
        const Fd from = TRY(root_.open_path(target.parent, O_PATH | O_DIRECTORY));
        struct stat source{};
        if (fstatat(from.get(), target.name.c_str(), &source, AT_SYMLINK_NOFOLLOW) != 0) {
            return fail_errno("link to " + shortly_quoted(entry.target));
        }
        if (S_ISDIR(source.st_mode) || (options_.whiteouts && is_whiteout(source))) {
            return fail(EINVAL, "a hard link to " + shortly_quoted(entry.target) + ", which is no file");
        }
        struct stat there{};
        if (fstatat(parent, path.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == source.st_ino &&
            there.st_dev == source.st_dev) {
            return {}; // that very link
        }
        TRY(make_in_place(
            path, parent, [&] { return linkat(from.get(), target.name.c_str(), parent, path.name.c_str(), 0) == 0; },
            "link"));
        return forget_parents();
    }

    Status make_symlink(const LayerPath &path, int parent, const TarEntry &entry) {
        if (entry.target.empty() || entry.target.size() > options_.limits.path_bytes) {
            return fail(EINVAL, "its target is empty or longer than " + std::to_string(options_.limits.path_bytes));
        }
        TRY(make_in_place(
            path, parent, [&] { return symlinkat(entry.target.c_str(), parent, path.name.c_str()) == 0; }, "symlink"));
        TRY(set_link_attributes(path, parent, entry));
        return forget_parents();
    }

    Status make_node(const LayerPath &path, int parent, const TarEntry &entry) {
        mode_t type = S_IFIFO;
        if (entry.kind != EntryKind::kFifo) {
            type = entry.kind == EntryKind::kBlockDevice ? S_IFBLK : S_IFCHR;
            if (!options_.device_nodes) {
                return fail(EPERM, "device nodes are not allowed here");
            }
            if (entry.kind == EntryKind::kCharacterDevice && entry.device == makedev(0, 0)) {
                return fail(EINVAL, "a device 0:0 is overlayfs's own mark, not a part of an image");
            }
        }
        TRY(make_in_place(
            path, parent, [&] { return mknodat(parent, path.name.c_str(), type | 0600, entry.device) == 0; }, "mknod"));
        TRY(set_link_attributes(path, parent, entry));
        const Fd node(openat(parent, path.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        struct stat made{};
        if (!node.is_open() || fstat(node.get(), &made) != 0 || (made.st_mode & S_IFMT) != type) {
            return fail(EINVAL, "somebody else changed it");
        }
        if (chmod(("/proc/self/fd/" + std::to_string(node.get())).c_str(), entry.mode) != 0) {
            return fail_errno("chmod");
        }
        return forget_parents();
    }

    // Of what has no descriptor to write to.
    static Status set_link_attributes(const LayerPath &path, int parent, const TarEntry &entry) {
        const timespec times[2] = {entry.mtime, entry.mtime};
        if (fchownat(parent, path.name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
            return fail_errno("chown");
        }
        if (utimensat(parent, path.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
            return fail_errno("set time");
        }
        return {};
    }

    // Owner first: changing it takes setuid and capabilities away.
    Status set_attributes(int fd, const TarEntry &entry) {
        if (fchown(fd, entry.uid, entry.gid) != 0) {
            return fail_errno("chown");
        }
        std::uint64_t bytes = 0;
        for (const auto &[name, value] : entry.xattrs) {
            bytes += name.size() + value.size();
            if (bytes > options_.limits.xattr_bytes) {
                return fail(EFBIG, "extended attributes of more than " + std::to_string(options_.limits.xattr_bytes) +
                                       " bytes");
            }
            if (!is_allowed_xattr(name) || fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) {
                continue;
            }
            // Files lose nothing that they need to run; a capability that is not there is another matter.
            if (errno != ENOTSUP || name == kCapability) {
                return fail_errno("set " + shortly_quoted(name));
            }
        }
        if (fchmod(fd, entry.mode) != 0) {
            return fail_errno("chmod");
        }
        return {};
    }

    Status make_root(const TarEntry &entry) {
        if (entry.kind != EntryKind::kDirectory) {
            return fail(EINVAL, "the root of an image must be a directory");
        }
        const Fd root = TRY(root_.open_path(".", O_RDONLY | O_DIRECTORY));
        TRY(set_attributes(root.get(), entry));
        return set_directory_time(root, entry.mtime);
    }

    Status make_whiteout(const LayerPath &path) {
        const int parent = TRY(open_parent(path.parent));
        if (mknodat(parent, path.name.c_str(), S_IFCHR, makedev(0, 0)) == 0) {
            return {};
        }
        if (errno != EEXIST) {
            return fail_errno("whiteout");
        }
        // The layer's own entry of that name stays: whiteouts are about the layers below.
        const Fd there(openat(parent, path.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        return there.is_open() ? set_opaque(there.get()) : Status();
    }

    Status make_opaque(const std::string &directory) {
        TRY(open_parent(directory)); // made when missing
        return set_opaque(TRY(root_.open_path(directory, O_RDONLY | O_DIRECTORY)).get());
    }

    static Status set_opaque(int directory) {
        return fsetxattr(directory, kOpaqueXattr, "y", 1, 0) == 0 ? Status() : fail_errno("mark as opaque");
    }

    TarReader &archive_;
    const RootDir &root_;
    const UnpackOptions &options_;
    std::map<std::string, Parent, std::less<>> parents_;
    bool stale_ = false; // something was taken away that may be below one of parents_
    timespec began_ = now();
    Unpacked done_;
};

} // namespace

Result<Unpacked> unpack(TarReader &archive, const RootDir &root, const UnpackOptions &options) {
    return Unpacker(archive, root, options).run();
}

} // namespace ballast::image
