// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/other_namespaces.h"

#include <array>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "base/file_io.h"

namespace ballast::container {
namespace {

struct NamespaceFile {
    const char *name;
    int flag;
};

constexpr std::array kNamespaceFiles = {
    NamespaceFile{"user", CLONE_NEWUSER},     NamespaceFile{"mnt", CLONE_NEWNS},
    NamespaceFile{"cgroup", CLONE_NEWCGROUP}, NamespaceFile{"uts", CLONE_NEWUTS},
    NamespaceFile{"ipc", CLONE_NEWIPC},       NamespaceFile{"pid", CLONE_NEWPID},
    NamespaceFile{"net", CLONE_NEWNET},       NamespaceFile{"time", CLONE_NEWTIME},
};

constexpr std::uint64_t kFdinfoLimit = 4096;

std::unexpected<Error> gone() { return fail(ESRCH, "the container's first process is gone"); }

// pidfd_open(2): the field stands in /proc/self/fdinfo/N, as -1 once the process was waited for.
Result<std::string> pid_of(BorrowedFd pidfd) {
    const std::string info = TRY(read_file("/proc/self/fdinfo/" + std::to_string(pidfd.get()), kFdinfoLimit));
    constexpr std::string_view kField = "\nPid:\t";
    const std::size_t at = info.find(kField);
    if (at == std::string::npos) {
        return fail(EBADF, "not a pidfd");
    }
    const std::size_t start = at + kField.size();
    std::string pid = info.substr(start, info.find('\n', start) - start);
    if (pid.starts_with('-')) {
        return gone();
    }
    return pid;
}

bool has_ended(BorrowedFd pidfd) {
    pollfd event{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    return poll(&event, 1, 0) != 0; // one that cannot be polled is no process to rely on
}

} // namespace

Result<int> other_namespaces(BorrowedFd pidfd) {
    const std::string theirs = "/proc/" + TRY(pid_of(pidfd)) + "/ns/";
    const std::string ours = "/proc/self/ns/";
    int flags = 0;
    for (const NamespaceFile &file : kNamespaceFiles) {
        struct stat our{};
        struct stat their{};
        if (stat((ours + file.name).c_str(), &our) != 0) {
            if (errno == ENOENT) {
                continue; // this kernel has no such namespaces
            }
            return fail_errno("stat " + ours + file.name);
        }
        if (stat((theirs + file.name).c_str(), &their) != 0) {
            return has_ended(pidfd) ? gone() : fail_errno("stat " + theirs + file.name);
        }
        if (our.st_dev != their.st_dev || our.st_ino != their.st_ino) {
            flags |= file.flag;
        }
    }
    // The number was its own all the time only if it still lives.
    if (has_ended(pidfd)) {
        return gone();
    }
    return flags;
}

Result<Fd> root_of(BorrowedFd pidfd) {
    Fd root = TRY(open_file("/proc/" + TRY(pid_of(pidfd)) + "/root", O_PATH | O_DIRECTORY));
    if (has_ended(pidfd)) {
        return gone();
    }
    return root;
}

} // namespace ballast::container
