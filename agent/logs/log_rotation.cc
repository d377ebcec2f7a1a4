// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/log_rotation.h"

#include <algorithm>
#include <cctype>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "agent/logs/gzip.h"
#include "base/directory_names.h"
#include "base/root_dir.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCompressed = ".gz", kUnfinished = ".tmp";

// "20240506-070809"
std::string stamp(std::int64_t now) {
    std::string text = timestamp(now, Fraction::kNone);
    std::ranges::replace(text, 'T', '-');
    constexpr std::size_t kDateEnd = 10; // "2024-05-06"
    std::string digits;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (std::isdigit(static_cast<unsigned char>(text[i])) != 0 || i == kDateEnd) {
            digits += text[i];
        }
    }
    return digits;
}

// One container's log with what was turned of it.
class LogFiles {
  public:
    // ENOENT: its directory is not there.
    static Result<LogFiles> open(const fs::path &directory, const fs::path &file) {
        const fs::path inside = file.lexically_normal().lexically_relative(directory.lexically_normal());
        if (inside.empty() || *inside.begin() == ".." || !inside.has_parent_path()) {
            return fail(EINVAL, "the log " + file.string() + " is not below " + directory.string());
        }
        const RootDir root = TRY(RootDir::open(directory));
        Fd fd = TRY(root.open_path(inside.parent_path(), O_RDONLY | O_DIRECTORY));
        return LogFiles(std::move(fd), inside.filename().string());
    }

    // Of what is written to. Nothing: there is none.
    Result<std::optional<std::int64_t>> size() const {
        struct stat status{};
        if (::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno == ENOENT ? Result<std::optional<std::int64_t>>(std::nullopt) : fail_errno("stat " + name_);
        }
        return S_ISREG(status.st_mode) ? Result<std::optional<std::int64_t>>(status.st_size)
                                       : fail(EINVAL, name_ + " is no file");
    }

    // What was turned, the oldest first.
    Result<std::vector<std::string>> turned() const {
        std::vector<std::string> names = TRY(names_in(directory_));
        std::erase_if(names, [&](const std::string &name) { return !name.starts_with(name_ + "."); });
        return names;
    }

    // Makes place for one more: what an interrupted call has left, and what is too much, goes; the rest is compressed.
    Status make_place(std::size_t files) const {
        std::vector<std::string> names = TRY(turned());
        for (std::string &name : names) {
            const bool compressed_too = std::ranges::contains(names, name + std::string(kCompressed));
            if (name.ends_with(kUnfinished) || compressed_too) {
                TRY(remove(name));
                name.clear();
            }
        }
        std::erase(names, "");
        const std::size_t kept = files > 2 ? files - 2 : 0; // besides the one that is turned now, and the new one
        while (names.size() > kept) {
            TRY(remove(names.front()));
            names.erase(names.begin());
        }
        for (const std::string &name : names) {
            if (!name.ends_with(kCompressed)) {
                TRY(compress(name).within("compress " + name));
            }
        }
        return {};
    }

    Status turn(std::int64_t now, const std::function<Status()> &reopen) const {
        const std::string name = TRY(free_name(now));
        TRY(rename(name_, name));
        const Status opened = reopen();
        if (opened.has_value()) {
            return {};
        }
        // A runtime that has begun a new one in spite of what it says goes on with that.
        if (const Status back = rename(name, name_); !back.has_value() && back.error().code != EEXIST) {
            return fail(opened.error().code, opened.error().message + ", and " + back.error().message);
        }
        return opened;
    }

    Status rename(const std::string &from, const std::string &to) const {
        const int done = ::renameat2(directory_.get(), from.c_str(), directory_.get(), to.c_str(), RENAME_NOREPLACE);
        return done == 0 ? Status() : fail_errno("rename " + from + " to " + to);
    }
    Status remove(const std::string &name) const {
        const bool gone = ::unlinkat(directory_.get(), name.c_str(), 0) == 0 || errno == ENOENT;
        return gone ? Status() : fail_errno("remove " + name);
    }
    const std::string &name() const { return name_; }

  private:
    // A clock that was set back may name one that is there.
    Result<std::string> free_name(std::int64_t now) const {
        constexpr std::int64_t kSecond = 1'000'000'000;
        const std::vector<std::string> taken = TRY(turned());
        while (true) {
            std::string name = name_ + "." + stamp(now);
            if (!std::ranges::contains(taken, name) && !std::ranges::contains(taken, name + std::string(kCompressed))) {
                return name;
            }
            now += kSecond;
        }
    }

    LogFiles(Fd directory, std::string name) : directory_(std::move(directory)), name_(std::move(name)) {}

    // On the disk before the other is gone.
    Status compress(const std::string &name) const {
        const std::string unfinished = name + std::string(kUnfinished);
        const Fd from(::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        struct stat status{};
        if (!from.is_open() || ::fstat(from.get(), &status) != 0) {
            return fail_errno("open");
        }
        if (!S_ISREG(status.st_mode)) {
            return fail(EINVAL, "it is no file");
        }
        TRY(remove(unfinished));
        const Fd to(::openat(directory_.get(), unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                             status.st_mode & 0777));
        if (!to.is_open()) {
            return fail_errno("make " + unfinished);
        }
        TRY(gzip(from, to));
        if (::fsync(to.get()) != 0) {
            return fail_errno("sync " + unfinished);
        }
        TRY(rename(unfinished, name + std::string(kCompressed)));
        return remove(name);
    }

    Fd directory_;
    std::string name_;
};

} // namespace

Status rotate_log(const fs::path &directory, const fs::path &file, const LogLimits &limits, std::int64_t now,
                  const std::function<Status()> &reopen) {
    if (limits.bytes < 0) {
        return {};
    }
    const LogFiles files = TRY(LogFiles::open(directory, file));
    std::optional<std::int64_t> size = TRY(files.size());
    if (!size) {
        TRY(reopen()); // somebody was killed who had turned it
        size = TRY(files.size());
    }
    if (!size || *size < limits.bytes) {
        return {};
    }
    TRY(files.make_place(limits.files));
    return files.turn(now, reopen);
}

Status mend_log(const fs::path &directory, const fs::path &file) {
    const LogFiles files = TRY(LogFiles::open(directory, file));
    if (TRY(files.size())) {
        return {};
    }
    const std::vector<std::string> turned = TRY(files.turned());
    const bool whole =
        !turned.empty() && !turned.back().ends_with(kCompressed) && !turned.back().ends_with(kUnfinished);
    return whole ? files.rename(turned.back(), files.name()) : Status();
}

Status remove_logs(const fs::path &directory, const fs::path &file) {
    const Result<LogFiles> files = LogFiles::open(directory, file);
    if (!files.has_value()) {
        return files.error().code == ENOENT ? Status() : std::unexpected(files.error());
    }
    for (const std::string &name : TRY(files->turned())) {
        TRY(files->remove(name));
    }
    return files->remove(files->name());
}

} // namespace ballast::agent
