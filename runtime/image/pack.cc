// SPDX-License-Identifier: Apache-2.0
// Trees as archives.
#include <algorithm>
#include <array>
#include <fcntl.h>
#include <map>
#include <unistd.h>

#include "base/json/json_tree.h"
#include "runtime/image/diff.h"
#include "runtime/image/tar.h"
#include "runtime/image/tree_walk.h"

namespace ballast::image {
namespace {

constexpr std::size_t kChunk = 256UL << 10;
constexpr std::string_view kWhiteout = ".wh.";
constexpr blkcnt_t kBlock = 512; // bytes, of st_blocks

class Packer {
  public:
    Packer(TarWriter &archive, const Skipped &skipped, bool layer, bool cross_mounts, const OwnerMap &owner)
        : archive_(archive), skipped_(skipped), layer_(layer), cross_mounts_(cross_mounts), owner_(owner) {}

    Result<bool> take(const TreeEntry &from) {
        if (skipped_.contains("/" + from.path)) {
            return false;
        }
        if (layer_ && from.is_whiteout()) {
            return add_mark(from, from.path.substr(0, from.path.size() - from.name.size()), from.name);
        }
        if (layer_ && from.name.starts_with(kWhiteout)) {
            return fail(EINVAL, shortly_quoted(from.path) + ": a name that starts with \".wh.\" cannot be in an image");
        }
        if (from.is_directory() && !first_device_) {
            first_device_ = from.status.st_dev;
        }
        const bool mounted = from.is_directory() && !cross_mounts_ && from.status.st_dev != *first_device_;
        Status added = add(from);
        if (!added.has_value() && added.error().code == ESTALE) {
            return false; // it went away, or became something else: a moment later it would not have been there
        }
        TRY(std::move(added));
        return !mounted;
    }

  private:
    static TarEntry entry_of(const TreeEntry &from) {
        return TarEntry{.path = from.path,
                        .kind = EntryKind::kFile,
                        .mode = from.status.st_mode & 07777U,
                        .uid = from.status.st_uid,
                        .gid = from.status.st_gid,
                        .mtime = from.status.st_mtim,
                        .size = 0,
                        .target = {},
                        .device = 0,
                        .xattrs = {},
                        .data = {}};
    }

    // ".wh.NAME", or ".wh..wh..opq" with the name ".wh..opq".
    Result<bool> add_mark(const TreeEntry &from, const std::string &directory, const std::string &name) {
        TarEntry mark = entry_of(from);
        mark.path = directory + std::string(kWhiteout) + name;
        mark.mode = 0;
        TRY(archive_.add_file(mark, ""));
        return false;
    }

    Status add(const TreeEntry &from) {
        TarEntry entry = entry_of(from);
        if (owner_) {
            const Owner owner = TRY(owner_({entry.uid, entry.gid}).within(shortly_quoted(from.path)));
            entry.uid = owner.first;
            entry.gid = owner.second;
        }
        switch (from.status.st_mode & S_IFMT) {
        case S_IFDIR:
            return add_directory(from, entry);
        case S_IFREG:
            return add_file(from, entry);
        case S_IFLNK:
            return add_link(from, entry);
        case S_IFCHR:
        case S_IFBLK:
            entry.kind = S_ISCHR(from.status.st_mode) ? EntryKind::kCharacterDevice : EntryKind::kBlockDevice;
            entry.device = from.status.st_rdev;
            return archive_.add(entry);
        case S_IFIFO:
            entry.kind = EntryKind::kFifo;
            return archive_.add(entry);
        default:
            return {}; // a socket belongs to whoever listens on it
        }
    }

    Status add_directory(const TreeEntry &from, TarEntry &entry) {
        const Fd directory = TRY(from.open());
        entry.kind = EntryKind::kDirectory;
        entry.xattrs = TRY(layer_xattrs(directory));
        TRY(archive_.add(entry));
        if (layer_ && is_opaque(directory)) {
            TRY(add_mark(from, from.path + "/", ".wh..opq"));
        }
        return {};
    }

    Status add_link(const TreeEntry &from, TarEntry &entry) {
        std::array<char, 4097> target{};
        const ssize_t size = readlinkat(from.parent.get(), from.name.c_str(), target.data(), target.size() - 1);
        if (size < 0) {
            return fail(ESTALE, shortly_quoted(from.path) + " changed while it was read");
        }
        entry.kind = EntryKind::kSymlink;
        entry.target.assign(target.data(), static_cast<std::size_t>(size));
        return archive_.add(entry);
    }

    Status add_file(const TreeEntry &from, TarEntry &entry) {
        const std::pair<dev_t, ino_t> inode(from.status.st_dev, from.status.st_ino);
        if (from.status.st_nlink > 1) {
            const auto [first, is_new] = links_.emplace(inode, from.path);
            if (!is_new) {
                entry.kind = EntryKind::kHardLink;
                entry.target = first->second;
                return archive_.add(entry);
            }
        }
        const Fd file = TRY(from.open());
        entry.size = static_cast<std::uint64_t>(from.status.st_size);
        entry.xattrs = TRY(layer_xattrs(file));
        if (from.status.st_blocks * kBlock < from.status.st_size) {
            entry.data = extents_of(file, entry.size);
        }
        TRY(archive_.add(entry));
        if (!entry.data) {
            return copy(file, 0, entry.size);
        }
        for (const TarEntry::Extent &extent : *entry.data) {
            TRY(copy(file, extent.offset, extent.size));
        }
        return {};
    }

    static std::vector<TarEntry::Extent> extents_of(const Fd &file, std::uint64_t size) {
        std::vector<TarEntry::Extent> extents;
        for (std::uint64_t at = 0; at < size;) {
            const off_t data = lseek(file.get(), static_cast<off_t>(at), SEEK_DATA);
            if (data < 0 || static_cast<std::uint64_t>(data) >= size) {
                break;
            }
            const off_t hole = lseek(file.get(), data, SEEK_HOLE);
            const std::uint64_t end = hole < 0 ? size : std::min<std::uint64_t>(static_cast<std::uint64_t>(hole), size);
            extents.push_back({static_cast<std::uint64_t>(data), end - static_cast<std::uint64_t>(data)});
            at = end;
        }
        return extents;
    }

    // Exactly `size` bytes, as the header said: what was cut off meanwhile reads as zeros.
    Status copy(const Fd &file, std::uint64_t offset, std::uint64_t size) {
        for (std::uint64_t end = offset + size; offset < end;) {
            const std::size_t wanted = std::min<std::uint64_t>(buffer_.size(), end - offset);
            ssize_t got = pread(file.get(), buffer_.data(), wanted, static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0) {
                return fail_errno("read");
            }
            if (got == 0) {
                std::ranges::fill(buffer_, '\0');
                got = static_cast<ssize_t>(wanted);
            }
            TRY(archive_.write({buffer_.data(), static_cast<std::size_t>(got)}));
            offset += static_cast<std::uint64_t>(got);
        }
        return {};
    }

    TarWriter &archive_;
    const Skipped &skipped_;
    bool layer_;
    bool cross_mounts_;
    const OwnerMap &owner_;
    std::optional<dev_t> first_device_;
    std::map<std::pair<dev_t, ino_t>, std::string> links_;
    std::vector<char> buffer_ = std::vector<char>(kChunk);
};

Status pack(const std::filesystem::path &root, const ByteSink &sink, const Skipped &skipped, bool layer,
            bool cross_mounts, const OwnerMap &owner) {
    TarWriter archive = TRY(TarWriter::open(sink));
    Packer packer(archive, skipped, layer, cross_mounts, owner);
    TRY(walk_tree(root, [&](const TreeEntry &entry) { return packer.take(entry); }));
    return archive.close();
}

} // namespace

Status write_layer(const std::filesystem::path &upper, const ByteSink &sink, const Skipped &skipped) {
    return pack(upper, sink, skipped, true, true, {});
}

Status write_tree(const std::filesystem::path &root, const ByteSink &sink, const Skipped &skipped, bool cross_mounts,
                  const OwnerMap &owner) {
    return pack(root, sink, skipped, false, cross_mounts, owner);
}

} // namespace ballast::image
