// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/tar.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <cstring>
#include <locale.h>
#include <sys/sysmacros.h>

#include "base/json/json_tree.h"
#include "base/quote.h"

namespace ballast::image {
namespace {

constexpr std::size_t kReadSize = 256UL << 10;
constexpr std::size_t kZeros = 256UL << 10;
constexpr std::uint32_t kNoId = ~std::uint32_t{0};

// libarchive converts names of pax headers through the thread's locale; ours are bytes that are mostly UTF-8.
class Utf8Names {
  public:
    Utf8Names() : before_(uselocale(utf8())) {}
    Utf8Names(const Utf8Names &) = delete;
    Utf8Names &operator=(const Utf8Names &) = delete;
    ~Utf8Names() { uselocale(before_); }

  private:
    static locale_t utf8() {
        static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr); // for the process's life
        return locale;
    }
    locale_t before_;
};

std::string text_of(archive *handle) {
    const char *text = archive_error_string(handle);
    return text != nullptr ? escaped(std::string_view(text).substr(0, 200)) : "unknown error of libarchive";
}

EntryKind kind_of(archive_entry *entry) {
    if (archive_entry_hardlink(entry) != nullptr) {
        return EntryKind::kHardLink;
    }
    switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
        return EntryKind::kDirectory;
    case AE_IFLNK:
        return EntryKind::kSymlink;
    case AE_IFCHR:
        return EntryKind::kCharacterDevice;
    case AE_IFBLK:
        return EntryKind::kBlockDevice;
    case AE_IFIFO:
        return EntryKind::kFifo;
    case AE_IFSOCK:
        return EntryKind::kSocket;
    default:
        return EntryKind::kFile;
    }
}

unsigned file_type(EntryKind kind) {
    switch (kind) {
    case EntryKind::kDirectory:
        return AE_IFDIR;
    case EntryKind::kSymlink:
        return AE_IFLNK;
    case EntryKind::kCharacterDevice:
        return AE_IFCHR;
    case EntryKind::kBlockDevice:
        return AE_IFBLK;
    case EntryKind::kFifo:
        return AE_IFIFO;
    case EntryKind::kSocket:
        return AE_IFSOCK;
    case EntryKind::kFile:
    case EntryKind::kHardLink:
        return AE_IFREG;
    }
    return AE_IFREG;
}

Status read_link(archive_entry *from, TarEntry &entry) {
    const char *target = nullptr;
    if (entry.kind == EntryKind::kHardLink) {
        target = archive_entry_hardlink(from);
    } else if (entry.kind == EntryKind::kSymlink) {
        target = archive_entry_symlink(from);
    } else {
        return {};
    }
    if (target == nullptr) {
        return fail(EINVAL, "entry " + shortly_quoted(entry.path) + ": its link has no readable target");
    }
    entry.target = target;
    return {};
}

Status read_owner(archive_entry *from, TarEntry &entry) {
    const la_int64_t uid = archive_entry_uid(from);
    const la_int64_t gid = archive_entry_gid(from);
    if (uid < 0 || gid < 0 || uid >= kNoId || gid >= kNoId) {
        return fail(EINVAL, "entry " + shortly_quoted(entry.path) + ": its owner is no user or group id");
    }
    entry.uid = static_cast<uid_t>(uid);
    entry.gid = static_cast<gid_t>(gid);
    return {};
}

Status read_entry(archive_entry *from, TarEntry &entry) {
    entry = TarEntry();
    const char *path = archive_entry_pathname(from);
    if (path == nullptr) {
        return fail(EINVAL, "an entry has no readable name");
    }
    entry.path = path;
    entry.kind = kind_of(from);
    entry.mode = archive_entry_perm(from);
    entry.mtime = {.tv_sec = archive_entry_mtime(from), .tv_nsec = archive_entry_mtime_nsec(from)};
    TRY(read_link(from, entry));
    TRY(read_owner(from, entry));
    if (entry.kind == EntryKind::kFile) {
        const la_int64_t size = archive_entry_size(from);
        if (size < 0) {
            return fail(EINVAL, "entry " + shortly_quoted(entry.path) + ": its size is negative");
        }
        entry.size = static_cast<std::uint64_t>(size);
    }
    if (entry.kind == EntryKind::kCharacterDevice || entry.kind == EntryKind::kBlockDevice) {
        entry.device = makedev(static_cast<unsigned>(archive_entry_rdevmajor(from)),
                               static_cast<unsigned>(archive_entry_rdevminor(from)));
    }
    const char *name = nullptr;
    const void *value = nullptr;
    std::size_t size = 0;
    if (archive_entry_xattr_reset(from) > 0) {
        while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK) {
            entry.xattrs[name] = std::string(static_cast<const char *>(value), size);
        }
    }
    return {};
}

} // namespace

struct TarReader::State {
    std::unique_ptr<archive, decltype(&archive_read_free)> reader{archive_read_new(), &archive_read_free};
    ByteSource source;
    std::string name;
    std::vector<char> buffer = std::vector<char>(kReadSize);
    std::optional<Error> source_error; // of the source: it comes back through libarchive as a number only

    static la_ssize_t read(archive *, void *state, const void **block) {
        auto *self = static_cast<State *>(state);
        const Result<std::size_t> got = self->source(self->buffer);
        if (!got.has_value()) {
            self->source_error = got.error();
            return -1;
        }
        *block = self->buffer.data();
        return static_cast<la_ssize_t>(*got);
    }

    std::unexpected<Error> failure() const {
        if (source_error) {
            return std::unexpected(*source_error);
        }
        return fail(EINVAL, name + ": damaged archive: " + text_of(reader.get()));
    }
};

TarReader::TarReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
TarReader::TarReader(TarReader &&) noexcept = default;
TarReader &TarReader::operator=(TarReader &&) noexcept = default;
TarReader::~TarReader() = default;

Result<TarReader> TarReader::open(ByteSource source, const std::string &name) {
    auto state = std::make_unique<State>();
    if (state->reader == nullptr) {
        return fail(ENOMEM, name + ": no memory for a reader of archives");
    }
    state->source = std::move(source);
    state->name = name;
    archive *reader = state->reader.get();
    archive_read_support_format_tar(reader);
    archive_read_support_format_empty(reader);
    const Utf8Names utf8;
    if (archive_read_open(reader, state.get(), nullptr, State::read, nullptr) != ARCHIVE_OK) {
        return state->failure();
    }
    return TarReader(std::move(state));
}

Result<bool> TarReader::next(TarEntry &entry) {
    const Utf8Names utf8;
    archive_entry *from = nullptr;
    const int status = archive_read_next_header(state_->reader.get(), &from);
    if (status == ARCHIVE_EOF) {
        return false;
    }
    // A warning is a name that is not UTF-8, which comes as it is.
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
        return state_->failure();
    }
    TRY(read_entry(from, entry).within(state_->name));
    return true;
}

Result<std::optional<TarReader::Block>> TarReader::data() {
    const void *bytes = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(state_->reader.get(), &bytes, &size, &offset);
    if (status == ARCHIVE_EOF) {
        return std::optional<Block>();
    }
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
        return state_->failure();
    }
    return Block{.bytes = {static_cast<const char *>(bytes), size}, .offset = static_cast<std::uint64_t>(offset)};
}

Result<std::string> TarReader::text(std::uint64_t limit) {
    std::string text;
    while (std::optional<Block> block = TRY(data())) {
        if (block->offset > limit || block->bytes.size() > limit - block->offset) {
            return fail(EFBIG, state_->name + ": an entry is larger than " + std::to_string(limit) + " bytes");
        }
        text.resize(block->offset, '\0');
        text += block->bytes;
    }
    return text;
}

ByteSource TarReader::content() {
    struct Position {
        Block block;
        std::uint64_t at = 0;
    };
    return [this, position = Position()](std::span<char> into) mutable -> Result<std::size_t> {
        while (position.block.bytes.empty()) {
            const std::optional<Block> block = TRY(data());
            if (!block) {
                return 0UL;
            }
            position.block = *block;
        }
        if (position.at < position.block.offset) {
            const std::size_t hole = std::min<std::uint64_t>(into.size(), position.block.offset - position.at);
            std::memset(into.data(), 0, hole);
            position.at += hole;
            return hole;
        }
        const std::size_t size = std::min(into.size(), position.block.bytes.size());
        std::memcpy(into.data(), position.block.bytes.data(), size);
        position.block.bytes.remove_prefix(size);
        position.block.offset += size;
        position.at += size;
        return size;
    };
}

struct TarWriter::State {
    ByteSink sink;
    std::optional<Error> sink_error;
    std::vector<TarEntry::Extent> extents; // of the entry that is being written
    std::size_t extent = 0;
    std::uint64_t position = 0;
    std::uint64_t size = 0;
    bool sparse = false;
    bool closed = false;
    // Last, so that it goes first: freeing an archive that was not closed writes once more.
    std::unique_ptr<archive, decltype(&archive_write_free)> writer{archive_write_new(), &archive_write_free};

    static la_ssize_t put(archive *, void *state, const void *block, std::size_t size) {
        auto *self = static_cast<State *>(state);
        if (self->sink_error) {
            return -1;
        }
        const Status taken = self->sink({static_cast<const char *>(block), size});
        if (!taken.has_value()) {
            self->sink_error = taken.error();
            return -1;
        }
        return static_cast<la_ssize_t>(size);
    }

    std::unexpected<Error> failure(const std::string &what) const {
        return sink_error ? std::unexpected(*sink_error) : fail(EIO, what + ": " + text_of(writer.get()));
    }

    Status data(std::string_view bytes) {
        while (!bytes.empty()) {
            const la_ssize_t written = archive_write_data(writer.get(), bytes.data(), bytes.size());
            if (written <= 0) {
                return failure("write archive");
            }
            bytes.remove_prefix(static_cast<std::size_t>(written));
            position += static_cast<std::uint64_t>(written);
        }
        return {};
    }

    // libarchive counts holes by the zeros that it is given for them.
    Status hole(std::uint64_t until) {
        static const std::vector<char> zeros(kZeros);
        while (position < until) {
            TRY(data({zeros.data(), std::min<std::uint64_t>(zeros.size(), until - position)}));
        }
        return {};
    }

    Status finish_entry() {
        if (!sparse) {
            return {};
        }
        sparse = false;
        return hole(size);
    }
};

TarWriter::TarWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TarWriter::TarWriter(TarWriter &&) noexcept = default;
TarWriter &TarWriter::operator=(TarWriter &&) noexcept = default;

TarWriter::~TarWriter() {
    if (state_ != nullptr && !state_->closed) {
        state_->sink_error = Error{.code = ECANCELED, .message = "archive not closed"}; // nothing more to the sink
    }
}

Result<TarWriter> TarWriter::open(ByteSink sink) {
    auto state = std::make_unique<State>();
    state->sink = std::move(sink);
    archive *writer = state->writer.get();
    if (writer == nullptr) {
        return fail(ENOMEM, "no memory for a writer of archives");
    }
    archive_write_set_format_pax_restricted(writer);
    if (archive_write_set_options(writer, "xattrheader=SCHILY") != ARCHIVE_OK) {
        return state->failure("write archive");
    }
    archive_write_set_bytes_per_block(writer, static_cast<int>(kReadSize));
    // No padding of the last block: the bytes depend on the content alone.
    archive_write_set_bytes_in_last_block(writer, 1);
    if (archive_write_open2(writer, state.get(), nullptr, State::put, nullptr, nullptr) != ARCHIVE_OK) {
        return state->failure("write archive");
    }
    return TarWriter(std::move(state));
}

Status TarWriter::add(const TarEntry &entry) {
    TRY(state_->finish_entry());
    const Utf8Names utf8;
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> to(archive_entry_new(), &archive_entry_free);
    const bool slash = entry.kind == EntryKind::kDirectory && !entry.path.ends_with('/');
    archive_entry_set_pathname(to.get(), (slash ? entry.path + "/" : entry.path).c_str());
    archive_entry_set_filetype(to.get(), file_type(entry.kind));
    archive_entry_set_perm(to.get(), entry.mode);
    archive_entry_set_uid(to.get(), entry.uid);
    archive_entry_set_gid(to.get(), entry.gid);
    archive_entry_set_mtime(to.get(), entry.mtime.tv_sec, entry.mtime.tv_nsec);
    archive_entry_set_size(to.get(), entry.kind == EntryKind::kFile ? static_cast<la_int64_t>(entry.size) : 0);
    if (entry.kind == EntryKind::kSymlink) {
        archive_entry_set_symlink(to.get(), entry.target.c_str());
    } else if (entry.kind == EntryKind::kHardLink) {
        archive_entry_set_hardlink(to.get(), entry.target.c_str());
    } else if (entry.kind == EntryKind::kCharacterDevice || entry.kind == EntryKind::kBlockDevice) {
        archive_entry_set_rdevmajor(to.get(), major(entry.device));
        archive_entry_set_rdevminor(to.get(), minor(entry.device));
    }
    for (const auto &[name, value] : entry.xattrs) {
        archive_entry_xattr_add_entry(to.get(), name.c_str(), value.data(), value.size());
    }
    state_->sparse = entry.kind == EntryKind::kFile && entry.data.has_value();
    state_->extents = state_->sparse ? *entry.data : std::vector<TarEntry::Extent>();
    state_->extent = 0;
    state_->position = 0;
    state_->size = entry.size;
    if (state_->sparse && state_->extents.empty() && entry.size > 0) {
        // All of it is a hole; libarchive takes an empty list for a file without holes.
        archive_entry_sparse_add_entry(to.get(), static_cast<la_int64_t>(entry.size), 0);
    }
    for (const TarEntry::Extent &extent : state_->extents) {
        archive_entry_sparse_add_entry(to.get(), static_cast<la_int64_t>(extent.offset),
                                       static_cast<la_int64_t>(extent.size));
    }
    // A warning is a name that is not UTF-8, which is written as it is.
    const int status = archive_write_header(state_->writer.get(), to.get());
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
        return state_->failure("write entry " + shortly_quoted(entry.path));
    }
    return {};
}

Status TarWriter::write(std::string_view bytes) {
    if (!state_->sparse) {
        return state_->data(bytes);
    }
    while (!bytes.empty() && state_->extent < state_->extents.size()) {
        const TarEntry::Extent &extent = state_->extents[state_->extent];
        TRY(state_->hole(extent.offset));
        const std::uint64_t left = extent.offset + extent.size - state_->position;
        TRY(state_->data(bytes.substr(0, left)));
        bytes.remove_prefix(std::min<std::uint64_t>(bytes.size(), left));
        if (state_->position == extent.offset + extent.size) {
            state_->extent++;
        }
    }
    return {};
}

Status TarWriter::add_file(const TarEntry &entry, std::string_view content) {
    TarEntry file = entry;
    file.size = content.size();
    TRY(add(file));
    return write(content);
}

Status TarWriter::close() {
    TRY(state_->finish_entry());
    state_->closed = true;
    if (archive_write_close(state_->writer.get()) != ARCHIVE_OK) {
        return state_->failure("write archive");
    }
    return {};
}

} // namespace ballast::image
