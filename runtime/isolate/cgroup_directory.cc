// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/cgroup_directory.h"

#include <array>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <limits>
#include <linux/openat2.h>
#include <memory>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::isolate {
namespace {

using Clock = std::chrono::steady_clock;

// The longest are memory.stat and cgroup.procs of tens of thousands of processes.
constexpr std::uint64_t kLargestFile = 16ULL << 20;
constexpr std::size_t kRecordSize = 512;

bool is_entry_itself(std::string_view name) { return name == "." || name == ".."; }

} // namespace

std::unexpected<Error> CgroupDir::failed(const std::string &file, std::optional<std::string_view> value,
                                         int code) const {
    std::string what = "cgroup " + path_ + ": " + file;
    if (value.has_value()) {
        what += ": \"" + std::string(*value) + "\"";
    }
    return fail_errno(what, code);
}

Result<CgroupDir> CgroupDir::child(const std::string &path) const {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    std::string whole = (path_ == "/" ? "/" : path_ + "/") + path;
    long fd = -1;
    do {
        fd = ::syscall(SYS_openat2, fd_.get(), path.c_str(), &how, sizeof how);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return fail_errno("cgroup " + whole);
    }
    return CgroupDir(Fd(static_cast<int>(fd)), std::move(whole));
}

Result<std::vector<std::string>> CgroupDir::names(unsigned char type) const {
    Fd again = TRY(open(".", O_RDONLY | O_DIRECTORY)); // its own offset: fd_ may be listed more than once
    std::unique_ptr<DIR, int (*)(DIR *)> listing(::fdopendir(again.get()), &::closedir);
    if (listing == nullptr) {
        return failed("list", std::nullopt, errno);
    }
    again.release(); // closedir() closes it
    std::vector<std::string> names;
    errno = 0;
    while (const dirent *entry = ::readdir(listing.get())) {
        if (entry->d_type == type && !is_entry_itself(entry->d_name)) {
            names.emplace_back(entry->d_name);
        }
        errno = 0;
    }
    if (errno != 0 && errno != ENODEV) { // ENODEV: removed while we looked, so there are no children any more
        return failed("list", std::nullopt, errno);
    }
    return names;
}

Result<std::vector<std::string>> CgroupDir::children() const { return names(DT_DIR); }

Result<std::vector<std::string>> CgroupDir::files(std::string_view before, std::string_view after) const {
    std::vector<std::string> middles;
    for (const std::string &name : TRY(names(DT_REG))) {
        if (name.size() > before.size() + after.size() && name.starts_with(before) && name.ends_with(after)) {
            middles.push_back(name.substr(before.size(), name.size() - before.size() - after.size()));
        }
    }
    return middles;
}

Result<Fd> CgroupDir::open(const std::string &file, int flags) const {
    int fd = -1;
    do {
        fd = ::openat(fd_.get(), file.c_str(), flags | O_CLOEXEC | O_NOFOLLOW);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return failed(file, std::nullopt, errno);
    }
    return Fd(fd);
}

Result<std::string> CgroupDir::read(const std::string &file) const {
    Fd fd = TRY(open(file, O_RDONLY));
    Result<std::string> text = read_all(fd, file, kLargestFile);
    if (!text.has_value()) {
        return failed(file, std::nullopt, text.error().code);
    }
    return text;
}

Result<std::string> CgroupDir::read_record(const std::string &file) const {
    const Fd fd = TRY(open(file, O_RDONLY));
    std::array<char, kRecordSize> text{};
    ssize_t length = -1;
    do {
        length = ::read(fd.get(), text.data(), text.size());
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        return failed(file, std::nullopt, errno);
    }
    return std::string(text.data(), static_cast<std::size_t>(length));
}

Status CgroupDir::write(const std::string &file, std::string_view value) const {
    int fd = -1;
    do {
        fd = ::openat(fd_.get(), file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return failed(file, value, errno);
    }
    Fd owned(fd);
    // One write is one request to the kernel: it must never be continued after a short one.
    ssize_t written = -1;
    do {
        written = ::write(fd, value.data(), value.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        return failed(file, value, errno);
    }
    return {};
}

Status CgroupDir::wait_for_event(std::string_view key, std::uint64_t value, std::chrono::milliseconds timeout) const {
    constexpr const char *kFile = "cgroup.events";
    Fd events = TRY(open(kFile, O_RDONLY));
    const Clock::time_point deadline = Clock::now() + timeout;
    while (true) {
        std::array<char, kRecordSize> text{};
        const ssize_t length = ::pread(events.get(), text.data(), text.size(), 0);
        if (length < 0 && errno != EINTR) {
            return failed(kFile, std::nullopt, errno);
        }
        if (length >= 0 && flat_value({text.data(), static_cast<std::size_t>(length)}, key) == value) {
            return {};
        }
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return fail(ETIMEDOUT, "cgroup " + path_ + ": " + kFile + ": \"" + std::string(key) + "\" is not " +
                                       std::to_string(value) + " after " + std::to_string(timeout.count()) + " ms");
        }
        // Armed by the read above: a change between the two is seen.
        pollfd waiting{.fd = events.get(), .events = POLLPRI, .revents = 0};
        if (::poll(&waiting, 1, static_cast<int>(left.count()) + 1) < 0 && errno != EINTR) {
            return failed(kFile, std::nullopt, errno);
        }
    }
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    if (text == "max") {
        return std::numeric_limits<std::uint64_t>::max();
    }
    std::uint64_t number = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::uint64_t> flat_value(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
            return whole_number(line.substr(key.size() + 1));
        }
    }
    return std::nullopt;
}

} // namespace ballast::isolate
