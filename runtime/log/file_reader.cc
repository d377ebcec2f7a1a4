// SPDX-License-Identifier: Apache-2.0
// json-file, local and cri: the file and those that were rotated away, oldest first.
#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/file_io.h"
#include "runtime/log/formats.h"
#include "runtime/log/readers.h"

namespace ballast::container_log {
namespace {

constexpr std::size_t kBlock = 64UL << 10;
constexpr unsigned kMostFiles = 1000;

struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity &) const = default;
};

struct FileStatus {
    Identity identity;
    std::uint64_t size = 0;
};

Result<FileStatus> status_of(BorrowedFd fd) {
    struct stat status{};
    if (fstat(fd.get(), &status) != 0) {
        return fail_errno("stat the log");
    }
    return FileStatus{{status.st_dev, status.st_ino}, static_cast<std::uint64_t>(status.st_size)};
}

Result<std::size_t> read_at(BorrowedFd fd, char *bytes, std::size_t size, std::uint64_t place) {
    for (;;) {
        const ssize_t got = pread(fd.get(), bytes, size, static_cast<off_t>(place));
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            return fail_errno("read the log");
        }
    }
}

// Where the last `wanted` lines of a file start. `wanted` becomes how many more there should be.
Result<std::uint64_t> last_lines(BorrowedFd fd, std::uint64_t &wanted) {
    std::vector<char> block(kBlock);
    std::uint64_t place = TRY(status_of(fd)).size;
    std::uint64_t ends = 0; // of lines, seen
    while (place > 0) {
        const std::size_t size = std::min<std::uint64_t>(place, block.size());
        const std::size_t got = TRY(read_at(fd, block.data(), size, place - size));
        for (std::size_t i = got; i-- > 0;) {
            if (block[i] == '\n' && ++ends > wanted) {
                wanted = 0;
                return place - size + i + 1;
            }
        }
        place -= size;
    }
    wanted -= ends;
    return 0;
}

// The same of records, by the size at their end. A damaged file is read from where that stops making sense.
Result<std::uint64_t> last_records(BorrowedFd fd, std::uint64_t &wanted) {
    std::uint64_t place = TRY(status_of(fd)).size;
    while (wanted > 0 && place >= kLocalHeader + 8) {
        std::array<char, 4> bytes{};
        TRY(read_at(fd, bytes.data(), bytes.size(), place - 4));
        std::uint64_t size = 0;
        for (const char byte : bytes) {
            size = size << 8U | static_cast<unsigned char>(byte);
        }
        if (size < kLocalHeader || size > kLargestLocalRecord || place < size + 8) {
            break;
        }
        place -= size + 8;
        --wanted;
    }
    return place;
}

class FileReader : public Reader {
  public:
    FileReader(std::string path, const Selection &selection, Decode decode)
        : path_(std::move(path)), selection_(selection), decode_(decode) {}

    Status open() {
        if (selection_.follow) { // before the files are looked at: nothing is missed
            watch_ = Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
            const std::string directory = path_.substr(0, path_.rfind('/') + 1);
            if (!watch_.is_open() || inotify_add_watch(watch_.get(), directory.c_str(),
                                                       IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM) < 0) {
                return fail_errno("watch the log");
            }
        }
        return find_start();
    }

    Result<Next> next(Entry &entry, std::chrono::milliseconds wait) override {
        for (bool waited = false;;) {
            if (TRY(decode_next(entry))) {
                if (selection_.until_ns && entry.time_ns > *selection_.until_ns) {
                    ended_ = true;
                } else if (chosen(entry)) {
                    return Next::kEntry;
                }
            } else if (!ended_ && !TRY(read_more()) && !TRY(next_file())) {
                if (!selection_.follow || finished_) {
                    ended_ = true;
                } else if (waited) {
                    return Next::kNothing;
                } else {
                    TRY(wait_for_change(wait));
                    waited = true;
                }
            }
            if (ended_) {
                return Next::kEnd;
            }
        }
    }

    void finish() override { finished_ = true; }

  private:
    std::string name(unsigned number) const { return number == 0 ? path_ : path_ + "." + std::to_string(number); }

    // The oldest file and the place in it where reading starts.
    Status find_start() {
        std::uint64_t wanted = selection_.tail.value_or(0);
        std::vector<Fd> files; // newest first; they stay what they are when the writer rotates
        for (unsigned number = 0; number <= kMostFiles; ++number) {
            Result<Fd> file = open_file(name(number), O_RDONLY);
            if (!file && file.error().code != ENOENT) {
                return std::unexpected(std::move(file).error());
            }
            if (!file && number > 0) {
                break;
            }
            if (!file) {
                continue;
            }
            // Rotated between two opens, one file has two names in turn.
            if (!files.empty() && TRY(status_of(files.back())).identity == TRY(status_of(*file)).identity) {
                continue;
            }
            files.push_back(std::move(*file));
            if (selection_.tail) {
                place_ = TRY(decode_ == decode_local_record ? last_records(files.back(), wanted)
                                                            : last_lines(files.back(), wanted));
                if (wanted == 0) {
                    break;
                }
            }
        }
        if (!files.empty()) {
            file_ = std::move(files.back());
            files.pop_back();
        }
        newer_ = std::move(files);
        return {};
    }

    Result<bool> decode_next(Entry &entry) {
        while (!ended_) {
            const Decoded decoded = decode_(std::string_view(held_).substr(used_), entry);
            if (decoded.size == 0) {
                held_.erase(0, used_);
                used_ = 0;
                return false;
            }
            used_ += decoded.size;
            if (decoded.good) {
                bool &open = open_[entry.stream == Stream::kStdout ? 0 : 1];
                entry.starts = !open;
                open = !entry.text.ends_with('\n');
                return true;
            }
        }
        return false;
    }

    bool chosen(const Entry &entry) const {
        return (entry.stream == Stream::kStdout ? selection_.output : selection_.errors) &&
               (!selection_.since_ns || entry.time_ns >= *selection_.since_ns);
    }

    Result<bool> read_more() {
        if (!file_.is_open()) {
            return false;
        }
        const std::size_t before = held_.size();
        held_.resize(before + kBlock);
        const Result<std::size_t> got = read_at(file_, held_.data() + before, kBlock, place_);
        held_.resize(before + got.value_or(0));
        place_ += TRY(got);
        return *got > 0;
    }

    // What follows the file that was read to its end: one that is known, or what the writer has opened since.
    Result<bool> next_file() {
        if (!newer_.empty()) {
            return enter(std::move(newer_.back()));
        }
        Result<Fd> current = open_file(path_, O_RDONLY);
        if (!current) {
            return current.error().code == ENOENT ? Result<bool>(false) : std::unexpected(std::move(current).error());
        }
        if (!file_.is_open()) {
            return enter(std::move(*current));
        }
        const FileStatus ours = TRY(status_of(file_));
        if (TRY(status_of(*current)).identity == ours.identity) {
            if (ours.size < place_) { // emptied: max-file is 1
                place_ = 0;
                held_.clear();
                return true;
            }
            return false;
        }
        if (place_ < ours.size) { // the writer's last words in it
            return true;
        }
        for (unsigned number = 1; number <= kMostFiles; ++number) {
            const Result<Fd> old = open_file(name(number), O_RDONLY);
            if (!old) {
                break;
            }
            if (TRY(status_of(*old)).identity == ours.identity) {
                return number == 1 ? enter(std::move(*current)) : enter(TRY(open_file(name(number - 1), O_RDONLY)));
            }
        }
        return enter(std::move(*current)); // ours is gone: more was rotated than we could read
    }

    bool enter(Fd file) {
        file_ = std::move(file);
        if (!newer_.empty()) {
            newer_.pop_back();
        }
        place_ = 0;
        held_.clear(); // a torn line
        used_ = 0;
        return true;
    }

    Status wait_for_change(std::chrono::milliseconds wait) const {
        pollfd one{watch_.get(), POLLIN, 0};
        if (poll(&one, 1, static_cast<int>(wait.count())) > 0) {
            std::array<char, 4096> events{};
            while (read(watch_.get(), events.data(), events.size()) > 0) { // that something changed is all
            }
        }
        return {};
    }

    std::string path_;
    Selection selection_;
    Decode decode_;
    Fd watch_, file_;
    std::vector<Fd> newer_; // newest first
    std::uint64_t place_ = 0;
    std::string held_;
    std::size_t used_ = 0;
    std::array<bool, 2> open_{}; // a part of a line came last
    bool ended_ = false;
    bool finished_ = false;
};

} // namespace

Result<std::unique_ptr<Reader>> open_file_reader(const Source &source, const Selection &selection, Decode decode) {
    auto reader = std::make_unique<FileReader>(source.path, selection, decode);
    TRY(reader->open());
    return reader;
}

} // namespace ballast::container_log
