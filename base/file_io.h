// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

// Whole-file reads and writes, and the power-safe replacement that every state file uses.
namespace ballast {

inline constexpr std::uint64_t kDefaultReadLimit = 64ULL << 20;

// open(2) with O_CLOEXEC added.
Result<Fd> open_file(const std::filesystem::path &path, int flags, mode_t mode = 0);

// The whole file. EFBIG when it is larger than `limit` bytes.
Result<std::string> read_file(const std::filesystem::path &path, std::uint64_t limit = kDefaultReadLimit);

// What is left of an open file, from its offset on. `name` stands in messages.
Result<std::string> read_all(BorrowedFd fd, const std::string &name, std::uint64_t limit = kDefaultReadLimit);

// Writes every byte, over short writes and EINTR.
Status write_all(BorrowedFd fd, std::string_view content);

// Creates or truncates and writes; not power-safe: for build products and scratch files. `mode` (less the umask) is for
// a file that did not exist.
Status write_file(const std::filesystem::path &path, std::string_view content, mode_t mode = 0644);

// Replaces `path` so that after a power cut it holds the old or the new content, whole:
// temporary file beside it (".ballast.XXXXXX", all that a power cut can leave), fsync, rename, fsync of the directory.
// The mode is exact, whatever the umask. A link at `path` is replaced, not followed.
Status replace_file(const std::filesystem::path &path, std::string_view content, mode_t mode = 0644);

// Makes what was renamed or unlinked in `directory` durable.
Status sync_directory(const std::filesystem::path &directory);

// mkdir -p; existing directories keep their mode, new ones get `mode` exactly, whatever the umask.
Status make_directories(const std::filesystem::path &path, mode_t mode = 0755);

// rm -rf of a tree, never following links; missing is fine. Clears the immutable flag that OSTree sets on deployments.
// Never enters a mount point: EXDEV, and what is mounted keeps its files. Stops at the first error.
Status remove_tree(const std::filesystem::path &path);
// The same for the entry `name` (one component) of an open directory; `where` names that directory in messages.
Status remove_tree_at(BorrowedFd directory, const std::string &name, const std::filesystem::path &where);

// A fresh directory under `parent`, removed with all it holds on destruction.
class TemporaryDirectory {
  public:
    static Result<TemporaryDirectory> create(const std::filesystem::path &parent, const std::string &prefix);
    TemporaryDirectory(TemporaryDirectory &&other) noexcept;
    TemporaryDirectory &operator=(TemporaryDirectory &&other) noexcept;
    TemporaryDirectory(const TemporaryDirectory &) = delete;
    TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
    ~TemporaryDirectory();
    const std::filesystem::path &path() const { return path_; }

  private:
    explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

// flock(2), exclusive, held until destruction. `lock_file` is created 0600 when missing. Waits.
class FileLock {
  public:
    static Result<FileLock> acquire(const std::filesystem::path &lock_file);

  private:
    explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

} // namespace ballast
