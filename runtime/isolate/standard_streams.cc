// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/standard_streams.h"

#include <charconv>
#include <fcntl.h>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::isolate {
namespace {

constexpr std::size_t kLargestMap = 64UL << 10; // 340 lines at the most

// user_namespaces(7): lines of three numbers, the first id inside, the first one outside, and how many. The kernel's
// own file: what does not read as that maps nobody.
std::optional<std::uint32_t> id_outside(BorrowedFd proc, pid_t pid, const char *file, std::uint32_t id) {
    const Fd map(openat(proc.get(), (std::to_string(pid) + "/" + file).c_str(), O_RDONLY | O_CLOEXEC));
    const std::string text = map.is_open() ? read_all(map, file, kLargestMap).value_or("") : "";
    const char *at = text.data(), *const end = at + text.size();
    const auto number = [&at, end] {
        std::uint32_t value = 0;
        while (at != end && (*at == ' ' || *at == '\n')) {
            at++;
        }
        at = std::from_chars(at, end, value).ptr;
        return value;
    };
    for (std::uint32_t count = 1; count > 0;) {
        const std::uint32_t inside = number(), outside = number();
        count = number();
        if (id >= inside && id - inside < count) {
            return outside + (id - inside);
        }
    }
    return std::nullopt;
}

} // namespace

void give_standard_streams(uid_t uid, gid_t gid) {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        struct stat status{};
        if (fstat(fd, &status) != 0 || (status.st_uid == uid && status.st_gid == gid) ||
            (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))) {
            continue;
        }
        // A terminal's group is that of terminals.
        const gid_t group = S_ISCHR(status.st_mode) ? static_cast<gid_t>(-1) : gid;
        if (fchown(fd, uid, group) != 0) {
            continue; // it works as a stream, if not by name
        }
    }
}

void give_mapped_standard_streams(uid_t uid, gid_t gid, BorrowedFd proc, pid_t pid) {
    const std::optional<std::uint32_t> user = id_outside(proc, pid, "uid_map", uid);
    const std::optional<std::uint32_t> group = id_outside(proc, pid, "gid_map", gid);
    if (user && group) {
        give_standard_streams(*user, *group);
    }
}

} // namespace ballast::isolate
