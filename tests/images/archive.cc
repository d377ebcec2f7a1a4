// SPDX-License-Identifier: Apache-2.0
#include "tests/images/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <locale.h>
#include <memory>

namespace ballast::images {
namespace {

using Reader = std::unique_ptr<archive, decltype(&archive_read_free)>;
using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;
using Member = std::unique_ptr<archive_entry, decltype(&archive_entry_free)>;

// libarchive converts names through the thread's locale; ours are UTF-8 wherever the program runs.
class Utf8Names {
  public:
    Utf8Names() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(uselocale(utf8_)) {}
    Utf8Names(const Utf8Names &) = delete;
    Utf8Names &operator=(const Utf8Names &) = delete;
    ~Utf8Names() {
        uselocale(before_);
        if (utf8_ != nullptr) {
            freelocale(utf8_);
        }
    }

  private:
    locale_t utf8_;
    locale_t before_;
};

std::unexpected<Error> archive_failure(const std::string &what, archive *handle) {
    const char *text = archive_error_string(handle);
    return fail(EINVAL, what + ": " + (text != nullptr ? text : "unknown error of libarchive"));
}

// libarchive hands over finished blocks; `sink` is the std::string that collects them.
la_ssize_t append_block(archive *, void *sink, const void *block, size_t length) {
    static_cast<std::string *>(sink)->append(static_cast<const char *>(block), length);
    return static_cast<la_ssize_t>(length);
}

Status open_for_writing(archive *writer, std::string &sink) {
    // No padding of the last block: the bytes depend on the content alone.
    archive_write_set_bytes_in_last_block(writer, 1);
    if (archive_write_open2(writer, &sink, nullptr, append_block, nullptr, nullptr) != ARCHIVE_OK) {
        return archive_failure("write archive", writer);
    }
    return {};
}

Status write_content(archive *writer, std::string_view content) {
    while (!content.empty()) {
        const la_ssize_t written = archive_write_data(writer, content.data(), content.size());
        if (written <= 0) {
            return archive_failure("write archive", writer);
        }
        content.remove_prefix(static_cast<size_t>(written));
    }
    return {};
}

Result<std::string> read_content(archive *reader) {
    std::string content;
    std::array<char, 65536> block;
    for (;;) {
        const la_ssize_t length = archive_read_data(reader, block.data(), block.size());
        if (length < 0) {
            return archive_failure("read archive", reader);
        }
        if (length == 0) {
            return content;
        }
        content.append(block.data(), static_cast<size_t>(length));
    }
}

unsigned file_type(Kind kind) {
    switch (kind) {
    case Kind::kFile:
    case Kind::kHardLink:
        return AE_IFREG;
    case Kind::kDirectory:
        return AE_IFDIR;
    case Kind::kSymlink:
        return AE_IFLNK;
    case Kind::kFifo:
        return AE_IFIFO;
    }
    return AE_IFREG;
}

Status write_entry(archive *writer, const Entry &entry, std::time_t time) {
    const Member member(archive_entry_new(), archive_entry_free);
    const std::string name = entry.kind == Kind::kDirectory ? entry.path + "/" : entry.path;
    archive_entry_set_pathname(member.get(), name.c_str());
    archive_entry_set_filetype(member.get(), file_type(entry.kind));
    archive_entry_set_perm(member.get(), entry.mode);
    archive_entry_set_uid(member.get(), entry.user);
    archive_entry_set_gid(member.get(), entry.group);
    archive_entry_set_mtime(member.get(), time, 0);
    archive_entry_set_size(member.get(), entry.kind == Kind::kFile ? static_cast<la_int64_t>(entry.content.size()) : 0);
    if (entry.kind == Kind::kSymlink) {
        archive_entry_set_symlink(member.get(), entry.target.c_str());
    } else if (entry.kind == Kind::kHardLink) {
        archive_entry_set_hardlink(member.get(), entry.target.c_str());
    }
    for (const auto &[name_of_attribute, value] : entry.attributes) {
        archive_entry_xattr_add_entry(member.get(), name_of_attribute.c_str(), value.data(), value.size());
    }
    // A warning is a name that is not UTF-8: readers would disagree about it.
    if (archive_write_header(writer, member.get()) != ARCHIVE_OK) {
        return archive_failure("write " + entry.path, writer);
    }
    return entry.kind == Kind::kFile ? write_content(writer, entry.content) : Status();
}

std::string normal_path(std::string path) {
    while (path.starts_with("./")) {
        path.erase(0, 2);
    }
    while (path.ends_with('/')) {
        path.pop_back();
    }
    return path == "." ? "" : path;
}

Result<Entry> read_entry(archive *reader, archive_entry *member) {
    Entry entry;
    const char *name = archive_entry_pathname(member);
    if (name == nullptr) {
        return fail(EINVAL, "read archive: a member has no readable name");
    }
    entry.path = normal_path(name);
    entry.mode = archive_entry_perm(member);
    entry.user = static_cast<std::uint32_t>(archive_entry_uid(member));
    entry.group = static_cast<std::uint32_t>(archive_entry_gid(member));
    const char *attribute = nullptr;
    const void *value = nullptr;
    size_t length = 0;
    archive_entry_xattr_reset(member);
    while (archive_entry_xattr_next(member, &attribute, &value, &length) == ARCHIVE_OK) {
        entry.attributes[attribute] = std::string(static_cast<const char *>(value), length);
    }
    if (const char *link = archive_entry_hardlink(member); link != nullptr) {
        entry.kind = Kind::kHardLink;
        entry.target = normal_path(link);
        return entry;
    }
    switch (archive_entry_filetype(member)) {
    case AE_IFREG:
        entry.content = TRY(read_content(reader));
        return entry;
    case AE_IFDIR:
        entry.kind = Kind::kDirectory;
        return entry;
    case AE_IFLNK:
        entry.kind = Kind::kSymlink;
        entry.target = archive_entry_symlink(member);
        return entry;
    case AE_IFIFO:
        entry.kind = Kind::kFifo;
        return entry;
    default:
        return fail(EINVAL, "read archive: " + entry.path + " is a device node or of an unknown type");
    }
}

Status open_for_reading(archive *reader, std::string_view bytes) {
    if (archive_read_open_memory(reader, bytes.data(), bytes.size()) != ARCHIVE_OK) {
        return archive_failure("read archive", reader);
    }
    return {};
}

// Moves on to the next member: nullptr at the end.
Result<archive_entry *> next_member(archive *reader) {
    archive_entry *member = nullptr;
    const int status = archive_read_next_header(reader, &member);
    if (status == ARCHIVE_EOF) {
        return nullptr;
    }
    if (status != ARCHIVE_OK) {
        return archive_failure("read archive", reader);
    }
    return member;
}

} // namespace

Result<std::string> write_tar(const std::vector<Entry> &entries, std::time_t time) {
    const Utf8Names utf8;
    std::string bytes;
    const Writer writer(archive_write_new(), archive_write_free);
    archive_write_set_format_pax_restricted(writer.get());
    if (archive_write_set_options(writer.get(), "xattrheader=SCHILY") != ARCHIVE_OK) {
        return archive_failure("write archive", writer.get());
    }
    TRY(open_for_writing(writer.get(), bytes));
    for (const Entry &entry : entries) {
        TRY(write_entry(writer.get(), entry, time));
    }
    if (archive_write_close(writer.get()) != ARCHIVE_OK) {
        return archive_failure("write archive", writer.get());
    }
    return bytes;
}

Result<std::vector<Entry>> read_tar(std::string_view bytes) {
    const Utf8Names utf8;
    const Reader reader(archive_read_new(), archive_read_free);
    archive_read_support_filter_all(reader.get());
    archive_read_support_format_tar(reader.get());
    TRY(open_for_reading(reader.get(), bytes));
    std::vector<Entry> entries;
    while (archive_entry *member = TRY(next_member(reader.get()))) {
        Entry entry = TRY(read_entry(reader.get(), member));
        if (!entry.path.empty()) {
            entries.push_back(std::move(entry));
        }
    }
    return entries;
}

Result<std::string> compress(std::string_view bytes, Compression compression) {
    if (compression == Compression::kNone) {
        return std::string(bytes);
    }
    std::string compressed;
    const Writer writer(archive_write_new(), archive_write_free);
    archive_write_set_format_raw(writer.get());
    if (compression == Compression::kGzip) {
        archive_write_add_filter_gzip(writer.get());
        if (archive_write_set_options(writer.get(), "gzip:!timestamp,gzip:compression-level=6") != ARCHIVE_OK) {
            return archive_failure("compress", writer.get());
        }
    } else if (archive_write_add_filter_zstd(writer.get()) != ARCHIVE_OK) {
        return archive_failure("compress", writer.get());
    }
    TRY(open_for_writing(writer.get(), compressed));
    const Member member(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(member.get(), "data");
    archive_entry_set_filetype(member.get(), AE_IFREG);
    if (archive_write_header(writer.get(), member.get()) != ARCHIVE_OK) {
        return archive_failure("compress", writer.get());
    }
    TRY(write_content(writer.get(), bytes));
    if (archive_write_close(writer.get()) != ARCHIVE_OK) {
        return archive_failure("compress", writer.get());
    }
    return compressed;
}

Result<std::string> decompress(std::string_view bytes) {
    const Reader reader(archive_read_new(), archive_read_free);
    archive_read_support_filter_all(reader.get());
    archive_read_support_format_raw(reader.get());
    TRY(open_for_reading(reader.get(), bytes));
    if (TRY(next_member(reader.get())) == nullptr) {
        return std::string();
    }
    return read_content(reader.get());
}

Result<std::string> read_ar_member(std::string_view bytes, std::string_view prefix) {
    const Reader reader(archive_read_new(), archive_read_free);
    archive_read_support_format_ar(reader.get());
    TRY(open_for_reading(reader.get(), bytes));
    while (archive_entry *member = TRY(next_member(reader.get()))) {
        const char *name = archive_entry_pathname(member);
        if (name != nullptr && std::string_view(name).starts_with(prefix)) {
            return read_content(reader.get());
        }
    }
    return fail(ENOENT, "no member " + std::string(prefix) + "* in the ar archive");
}

} // namespace ballast::images
