// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/user.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::isolate {
namespace {

constexpr std::size_t kLongestLine = 4096;
constexpr std::size_t kMostBytes = 4U << 20;
constexpr int kAttempts = 128; // openat2(2) says EAGAIN when a rename crosses its walk over ".."

Result<Fd> open_passwd(BorrowedFd root) {
    open_how how{};
    // Without O_NONBLOCK a pipe would hold us for as long as nobody writes to it.
    how.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    int fd = -1;
    for (int attempt = 0; attempt < kAttempts; attempt++) {
        fd = static_cast<int>(syscall(SYS_openat2, root.get(), "etc/passwd", &how, sizeof how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    if (fd < 0) {
        return fail_errno("open /etc/passwd of the container");
    }
    return Fd(fd);
}

// The n-th of the fields between colons.
std::string_view field(std::string_view line, int n) {
    for (; n > 0; n--) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            return {};
        }
        line.remove_prefix(colon + 1);
    }
    return line.substr(0, line.find(':'));
}

// passwd(5): name:password:uid:gid:comment:home:shell
std::optional<std::string> home_in(std::string_view line, uid_t uid) {
    const std::string_view number = field(line, 2);
    uid_t found = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), found);
    if (error != std::errc() || end != number.data() + number.size() || found != uid) {
        return std::nullopt;
    }
    const std::string_view home = field(line, 5);
    // An environment variable cannot hold a NUL.
    return home.empty() || home.contains('\0') ? std::nullopt : std::optional<std::string>(home);
}

// Lines out of blocks of a file, without holding more of it than one line.
class Lines {
  public:
    explicit Lines(BorrowedFd file) : file_(file) {}

    // nullopt at the end.
    Result<std::optional<std::string_view>> next() {
        for (;;) {
            const std::string_view rest(buffer_.data() + start_, end_ - start_);
            if (const std::size_t length = rest.find('\n'); length != std::string_view::npos) {
                start_ += length + 1;
                if (!std::exchange(too_long_, false)) {
                    return rest.substr(0, length);
                }
                continue;
            }
            if (at_end_) {
                start_ = end_;
                return rest.empty() || too_long_ ? std::nullopt : std::optional(rest);
            }
            TRY(fill());
        }
    }

  private:
    Status fill() {
        if (start_ == 0 && end_ == buffer_.size()) {
            too_long_ = true;
            end_ = 0;
        }
        std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
        end_ -= start_;
        start_ = 0;
        const ssize_t got = ::read(file_.get(), buffer_.data() + end_, buffer_.size() - end_);
        if (got < 0) {
            return errno == EINTR ? Status() : fail_errno("read /etc/passwd of the container");
        }
        end_ += static_cast<std::size_t>(got);
        total_ += static_cast<std::size_t>(got);
        at_end_ = got == 0;
        return total_ > kMostBytes ? fail(EFBIG, "/etc/passwd of the container is over 4 MiB") : Status();
    }

    BorrowedFd file_;
    std::array<char, kLongestLine> buffer_{};
    std::size_t start_ = 0;
    std::size_t end_ = 0;
    std::size_t total_ = 0;
    bool too_long_ = false; // the line that is being read; what is left of it is passed over
    bool at_end_ = false;
};

} // namespace

Outcome set_groups(const oci::User &user, bool allowed) {
    if (!allowed && user.additional_gids.empty()) {
        return done();
    }
    return syscall(SYS_setgroups, user.additional_gids.size(), user.additional_gids.data()) == 0
               ? done()
               : failed_at(Step::kGroups);
}

// System calls as they are: the C library's would look for other threads to take along.
Outcome set_ids(const oci::User &user) {
    if (syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) {
        return failed_at(Step::kGroupId);
    }
    if (syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) {
        return failed_at(Step::kUserId);
    }
    gid_t gid = 0;
    gid_t effective_gid = 0;
    gid_t saved_gid = 0;
    if (getresgid(&gid, &effective_gid, &saved_gid) != 0 || gid != user.gid || effective_gid != user.gid ||
        saved_gid != user.gid) {
        return failed_at(Step::kGroupId, -1, EPERM);
    }
    uid_t uid = 0;
    uid_t effective_uid = 0;
    uid_t saved_uid = 0;
    if (getresuid(&uid, &effective_uid, &saved_uid) != 0 || uid != user.uid || effective_uid != user.uid ||
        saved_uid != user.uid) {
        return failed_at(Step::kUserId, -1, EPERM);
    }
    return done();
}

Result<std::string> home_of(BorrowedFd root, uid_t uid) {
    Result<Fd> file = open_passwd(root);
    if (!file) {
        const bool none = file.error().code == ENOENT || file.error().code == ENOTDIR;
        return none ? Result<std::string>("/") : std::unexpected(file.error());
    }
    struct stat status{};
    if (fstat(file->get(), &status) != 0) {
        return fail_errno("stat /etc/passwd of the container");
    }
    if (!S_ISREG(status.st_mode)) {
        return fail(EINVAL, "/etc/passwd of the container is not a regular file");
    }
    Lines lines(*file);
    while (const std::optional<std::string_view> line = TRY(lines.next())) {
        if (std::optional<std::string> home = home_in(*line, uid)) {
            return *home;
        }
    }
    return "/";
}

} // namespace ballast::isolate
