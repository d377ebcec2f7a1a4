// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "runtime/image/stream.h"

// Tar archives as streams: the one place that includes libarchive. Reads ustar, pax and GNU tar, sparse files among
// them; writes pax with extended attributes as SCHILY.xattr records, which is what other engines read.
namespace ballast::image {

enum class EntryKind : std::uint8_t {
    kFile,
    kDirectory,
    kSymlink,
    kHardLink,
    kCharacterDevice,
    kBlockDevice,
    kFifo,
    kSocket, // no archive can hold one
};

struct TarEntry {
    std::string path = {}; // as written; nothing about it is checked
    EntryKind kind = EntryKind::kFile;
    mode_t mode = 0644; // permission bits, with setuid, setgid and sticky
    uid_t uid = 0;
    gid_t gid = 0;
    timespec mtime{};
    std::uint64_t size = 0;  // of kFile, with holes
    std::string target = {}; // of kSymlink: as written; of kHardLink: a path like `path`
    dev_t device = 0;        // of devices
    std::map<std::string, std::string> xattrs = {};
    struct Extent {
        std::uint64_t offset, size;
    };
    // For the writer: where a sparse file has data. Nothing: everywhere.
    std::optional<std::vector<Extent>> data = {};
};

class TarReader {
  public:
    // `source` gives the archive without compression. Messages begin with `name`.
    static Result<TarReader> open(ByteSource source, const std::string &name);
    TarReader(TarReader &&) noexcept;
    TarReader &operator=(TarReader &&) noexcept;
    ~TarReader();

    // The next entry; false at the end of the archive. EINVAL for a damaged one, and the source's own errors.
    Result<bool> next(TarEntry &entry);

    struct Block {
        std::string_view bytes; // until the next call
        std::uint64_t offset = 0;
    };
    // The next piece of the entry's content, holes left out; nothing at its end.
    Result<std::optional<Block>> data();
    // The rest of the entry's content as a text of at most `limit` bytes (EFBIG).
    Result<std::string> text(std::uint64_t limit);
    // A source of what is left of the entry's content, holes as zeros. The reader must outlive it.
    ByteSource content();

  private:
    struct State;
    explicit TarReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class TarWriter {
  public:
    static Result<TarWriter> open(ByteSink sink);
    TarWriter(TarWriter &&) noexcept;
    TarWriter &operator=(TarWriter &&) noexcept;
    ~TarWriter();

    Status add(const TarEntry &entry);
    // The content of the entry added last: entry.size bytes in all, or, of a sparse file, as many as its extents hold.
    Status write(std::string_view bytes);
    // A whole file.
    Status add_file(const TarEntry &entry, std::string_view content);
    // The end of the archive; nothing is complete before.
    Status close();

  private:
    struct State;
    explicit TarWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace ballast::image
