// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/id_maps.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ballast::container {
namespace {

std::string map_text(const std::vector<oci::IdMapping> &mappings) {
    std::string text;
    for (const oci::IdMapping &mapping : mappings) {
        text += std::to_string(mapping.container_id) + " " + std::to_string(mapping.host_id) + " " +
                std::to_string(mapping.size) + "\n";
    }
    return text;
}

// 0, or an errno.
int write_at(BorrowedFd proc, pid_t pid, const char *file, const std::string &text) {
    const Fd fd(openat(proc.get(), (std::to_string(pid) + "/" + file).c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.is_open()) {
        return errno;
    }
    return write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

Status run_mapper(const char *program, pid_t pid, const std::vector<oci::IdMapping> &mappings) {
    std::vector<std::string> words{program, std::to_string(pid)};
    for (const oci::IdMapping &mapping : mappings) {
        for (const std::uint32_t number : {mapping.container_id, mapping.host_id, mapping.size}) {
            words.push_back(std::to_string(number));
        }
    }
    std::vector<char *> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string &word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0) {
        return fail_errno(program);
    }
    if (child == 0) {
        execvp(program, pointers.data());
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return fail(ENOENT, std::string(program) + " is needed to map ids as this user; install the package uidmap");
    }
    if (status != 0) {
        return fail(EPERM, std::string(program) + " refused the mapping; see /etc/subuid and /etc/subgid");
    }
    return {};
}

Status write_map(BorrowedFd proc, pid_t pid, const char *file, const char *program,
                 const std::vector<oci::IdMapping> &mappings) {
    if (mappings.empty()) {
        return {};
    }
    const int code = write_at(proc, pid, file, map_text(mappings));
    if (code == EPERM && geteuid() != 0) {
        return run_mapper(program, pid, mappings);
    }
    return code == 0 ? Status{} : fail_errno(std::string("write ") + file + " of the user namespace", code);
}

} // namespace

bool may_set_groups(const oci::Linux &linux_part) {
    const auto &gids = linux_part.gid_mappings;
    return geteuid() == 0 || gids.size() != 1 || gids.front().size != 1;
}

Status write_id_maps(BorrowedFd proc, pid_t pid, const std::vector<oci::IdMapping> &uids,
                     const std::vector<oci::IdMapping> &gids) {
    // Without privilege a group map of one's own needs setgroups(2) off first; newgidmap(1) needs it as it is.
    if (geteuid() != 0 && gids.size() == 1 && gids.front().size == 1) {
        if (const int code = write_at(proc, pid, "setgroups", "deny"); code != 0) {
            return fail_errno("write setgroups of the user namespace", code);
        }
    }
    TRY(write_map(proc, pid, "gid_map", "newgidmap", gids));
    return write_map(proc, pid, "uid_map", "newuidmap", uids);
}

} // namespace ballast::container
