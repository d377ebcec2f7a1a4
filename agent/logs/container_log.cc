// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/container_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/quote.h"
#include "base/root_dir.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kBlock = 64UL << 10;
constexpr std::size_t kLongestLine = 1UL << 20; // of the file: runtimes write long lines in pieces
constexpr std::int64_t kSecond = 1'000'000'000;

bool is_set(const http::Query &query, std::string_view name) {
    const std::string_view value = query.get(name);
    return query.has(name) && value != "false" && value != "0";
}

Result<std::optional<std::uint64_t>> number(const http::Query &query, std::string_view name, std::uint64_t least) {
    const std::string_view text = query.get(name);
    if (text.empty()) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    constexpr std::uint64_t kMost = INT64_MAX;
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > kMost) {
        return fail(EINVAL,
                    std::string(name) + ": want a number from " + std::to_string(least) + " on, not " + quote(text));
    }
    return value;
}

Status read_since(const http::Query &query, std::int64_t now, LogRequest &request) {
    const auto seconds = TRY(number(query, "sinceSeconds", 1));
    const std::string_view time = query.get("sinceTime");
    if (seconds && !time.empty()) {
        return fail(EINVAL, "at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    if (seconds) {
        request.since = *seconds > static_cast<std::uint64_t>(now / kSecond)
                            ? 0
                            : now - static_cast<std::int64_t>(*seconds) * kSecond;
    } else if (!time.empty()) {
        request.since = parse_timestamp(time);
        if (!request.since) {
            return fail(EINVAL, "sinceTime: want a time like 2006-01-02T15:04:05Z, not " + quote(time));
        }
    }
    return {};
}

Result<std::size_t> read_at(BorrowedFd fd, char *bytes, std::size_t size, std::uint64_t place) {
    while (true) {
        const ssize_t count = ::pread(fd.get(), bytes, size, static_cast<off_t>(place));
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR) {
            return fail_errno("read the log");
        }
    }
}

Result<struct stat> status_of(BorrowedFd fd) {
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
        return fail_errno("stat the log");
    }
    return status;
}

// The part up to the next blank; `line` loses it and the blank.
std::string_view word(std::string_view &line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view first = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return first;
}

} // namespace

Result<LogRequest> read_log_request(const http::Query &query, std::int64_t now) {
    LogRequest request{.follow = is_set(query, "follow"),
                       .previous = is_set(query, "previous"),
                       .timestamps = is_set(query, "timestamps"),
                       .tail = TRY(number(query, "tailLines", 0)),
                       .limit = TRY(number(query, "limitBytes", 1))};
    TRY(read_since(query, now, request));
    const std::string_view stream = query.get("stream");
    if (!stream.empty() && stream != "All" && stream != "Stdout" && stream != "Stderr") {
        return fail(EINVAL, "stream: want All, Stdout or Stderr, not " + quote(stream));
    }
    request.output = stream != "Stderr";
    request.errors = stream != "Stdout";
    return request;
}

Result<ContainerLog> ContainerLog::open(const std::filesystem::path &directory, const std::filesystem::path &file,
                                        const LogRequest &request) {
    const std::filesystem::path inside = file.lexically_normal().lexically_relative(directory.lexically_normal());
    if (inside.empty() || *inside.begin() == "..") {
        return fail(EINVAL, "the log " + file.string() + " is not in " + directory.string());
    }
    ContainerLog log(directory, inside, request);
    log.file_ = TRY(log.open_file_now());
    if (request.tail) {
        TRY(log.find_tail(*request.tail));
    }
    return log;
}

Result<Fd> ContainerLog::open_file_now() const {
    const RootDir root = TRY(RootDir::open(directory_));
    Fd file = TRY(root.open_path(inside_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!S_ISREG(TRY(status_of(file)).st_mode)) {
        return fail(EINVAL, "the log " + (directory_ / inside_).string() + " is no file");
    }
    return file;
}

// Puts the place where the last `lines` lines begin.
Status ContainerLog::find_tail(std::uint64_t lines) {
    std::vector<char> block(kBlock);
    place_ = static_cast<std::uint64_t>(TRY(status_of(file_)).st_size);
    std::uint64_t ends = 0;
    for (std::uint64_t place = place_; place > 0;) {
        const std::size_t size = std::min<std::uint64_t>(place, block.size());
        const std::size_t got = TRY(read_at(file_, block.data(), size, place - size));
        for (std::size_t at = got; at-- > 0;) {
            if (block[at] == '\n' && ++ends > lines) {
                place_ = place - size + at + 1;
                return {};
            }
        }
        place -= size;
    }
    place_ = 0;
    return {};
}

Result<bool> ContainerLog::read(std::string &out) {
    if (full()) {
        return false;
    }
    std::vector<char> block(kBlock);
    const std::size_t got = TRY(read_at(file_, block.data(), block.size(), place_));
    if (got == 0) {
        return turn_over();
    }
    place_ += got;
    std::string_view piece(block.data(), got);
    while (!piece.empty()) {
        const std::size_t end = piece.find('\n');
        held_ += skips_ ? std::string_view() : piece.substr(0, end);
        if (held_.size() > kLongestLine) {
            held_.clear();
            skips_ = true;
        }
        if (end == std::string_view::npos) {
            break;
        }
        if (!std::exchange(skips_, false)) {
            take(held_, out);
        }
        held_.clear();
        piece.remove_prefix(end + 1);
    }
    return true;
}

// At the end of what there is. True: there may be more now. A file whose place was taken is read to its end once more:
// its writer may have written between our read and its turn.
Result<bool> ContainerLog::turn_over() {
    if (next_.is_open()) {
        file_ = std::move(next_);
        next_ = Fd();
        place_ = 0;
        held_.clear();
        return true;
    }
    if (!request_.follow) {
        return false;
    }
    const auto ours = TRY(status_of(file_));
    if (static_cast<std::uint64_t>(ours.st_size) < place_) {
        place_ = 0; // emptied
        held_.clear();
        return true;
    }
    Result<Fd> current = open_file_now();
    if (!current.has_value()) {
        return current.error().code == ENOENT ? Result<bool>(false) // between two files, or gone with its pod
                                              : std::unexpected(current.error());
    }
    const auto theirs = TRY(status_of(*current));
    if (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev) {
        return false;
    }
    next_ = std::move(*current);
    return true;
}

void ContainerLog::take(std::string_view line, std::string &out) {
    const std::string_view stamp = word(line), stream = word(line), tags = word(line);
    const std::optional<std::int64_t> time = parse_timestamp(stamp);
    const bool chosen = stream == "stdout" ? request_.output : stream == "stderr" && request_.errors;
    if (!time || !chosen || (request_.since && *time < *request_.since)) {
        return;
    }
    if (request_.timestamps && line_begins_) {
        tell(timestamp(*time) + " ", out);
    }
    tell(line, out);
    line_begins_ = tags != "P" && !tags.starts_with("P:");
    if (line_begins_) {
        tell("\n", out);
    }
}

void ContainerLog::tell(std::string_view text, std::string &out) {
    if (request_.limit) {
        text = text.substr(0, *request_.limit);
        *request_.limit -= text.size();
    }
    out += text;
}

} // namespace ballast::agent
