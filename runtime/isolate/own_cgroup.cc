// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/own_cgroup.h"

#include <array>
#include <climits>
#include <linux/magic.h>
#include <string_view>
#include <sys/vfs.h>

#include "runtime/isolate/mount_syscalls.h"

namespace ballast::isolate {
namespace {

// Of cgroup v1 there may be a dozen lines before it.
constexpr std::size_t kLongestFile = PATH_MAX + 4096;

// The path of the line "0::/path", without the "/" in front, in `text`; null when there is none.
const char *own_path(BorrowedFd proc, std::array<char, kLongestFile> &text) {
    Fd file(openat(proc.get(), "self/cgroup", O_RDONLY | O_CLOEXEC));
    ssize_t size = file.is_open() ? read(file.get(), text.data(), text.size() - 1) : -1;
    if (size < 0) {
        return nullptr;
    }
    std::string_view rest(text.data(), static_cast<std::size_t>(size));
    while (!rest.empty()) {
        std::size_t end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        if (line.starts_with("0::/") && end != std::string_view::npos) {
            text[static_cast<std::size_t>(line.data() - text.data()) + line.size()] = '\0';
            return line.size() == 4 ? "." : line.data() + 4;
        }
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    errno = ENODEV;
    return nullptr;
}

} // namespace

Fd open_own_cgroup_below(BorrowedFd hierarchy, BorrowedFd proc) {
    std::array<char, kLongestFile> text{};
    const char *path = own_path(proc, text);
    if (path == nullptr) {
        return {};
    }
    return Fd(
        open_at(hierarchy.get(), path, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
}

Fd open_own_cgroup(BorrowedFd proc) {
    Fd hierarchy(open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct statfs status{};
    if (!hierarchy.is_open() || fstatfs(hierarchy.get(), &status) != 0 || status.f_type != CGROUP2_SUPER_MAGIC) {
        errno = ENODEV;
        return {};
    }
    return open_own_cgroup_below(hierarchy, proc);
}

} // namespace ballast::isolate
