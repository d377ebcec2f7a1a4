// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/proc_file.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace ballast::isolate {
namespace {

constexpr std::size_t kLongestPath = 64;

// "self/NAME" or "PID/NAME"; false when it does not fit.
bool name_file(std::array<char, kLongestPath> &path, pid_t pid, const char *name) {
    std::size_t used = 0;
    if (pid == 0) {
        constexpr std::string_view kSelf = "self";
        std::memcpy(path.data(), kSelf.data(), kSelf.size());
        used = kSelf.size();
    } else {
        used = static_cast<std::size_t>(std::to_chars(path.data(), path.data() + path.size(), pid).ptr - path.data());
    }
    const std::size_t length = std::strlen(name);
    if (used + 1 + length >= path.size()) {
        errno = ENAMETOOLONG;
        return false;
    }
    path.at(used) = '/';
    std::memcpy(path.data() + used + 1, name, length + 1);
    return true;
}

} // namespace

bool write_proc_file(BorrowedFd proc, pid_t pid, const char *name, std::string_view content) {
    std::array<char, kLongestPath> path{};
    if (!name_file(path, pid, name)) {
        return false;
    }
    const Fd file(openat(proc.get(), path.data(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open()) {
        return false;
    }
    const ssize_t written = write(file.get(), content.data(), content.size());
    if (written >= 0 && static_cast<std::size_t>(written) != content.size()) {
        errno = EIO; // the kernel took a part: it did not understand the value as we mean it
        return false;
    }
    return written >= 0;
}

} // namespace ballast::isolate
