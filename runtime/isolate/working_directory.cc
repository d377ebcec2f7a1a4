// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/working_directory.h"

#include <array>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

namespace ballast::isolate {
namespace {

constexpr mode_t kMode = 0755;
constexpr mode_t kOthersWrite = 0022;

Fd open_directory(int parent, const char *name) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    return Fd(static_cast<int>(syscall(SYS_openat2, parent, name, &how, sizeof how)));
}

// Step by step, each below a descriptor of the one before.
bool make_path(std::string_view path) {
    std::array<char, NAME_MAX + 1> name{};
    Fd directory = open_directory(AT_FDCWD, "/");
    while (directory.is_open() && !path.empty()) {
        const std::string_view component = path.substr(0, path.find('/'));
        path.remove_prefix(component.size() < path.size() ? component.size() + 1 : path.size());
        if (component.empty()) {
            continue;
        }
        if (component.size() >= name.size()) {
            errno = ENAMETOOLONG;
            return false;
        }
        std::memcpy(name.data(), component.data(), component.size());
        name.at(component.size()) = '\0';
        if (mkdirat(directory.get(), name.data(), kMode) != 0 && errno != EEXIST) {
            return false;
        }
        directory = open_directory(directory.get(), name.data());
    }
    return directory.is_open();
}

bool make_missing(const std::string &path) {
    const mode_t before = umask(kOthersWrite);
    const bool made = make_path(path);
    umask(before);
    return made;
}

// Of the credentials only those for files change, and back: root's rights over files go away with them.
bool enter_as(const std::string &path, const oci::User &user) {
    const auto groups = user.additional_gids.size();
    if (groups != 0 && syscall(SYS_setgroups, groups, user.additional_gids.data()) != 0) {
        errno = EACCES; // what is wrong with the groups is for set_groups() to say
        return false;
    }
    // These two return what was set before, and say nothing of failure; the chdir(2) will.
    const long gid = syscall(SYS_setfsgid, user.gid);
    const long uid = syscall(SYS_setfsuid, user.uid);
    const bool entered = chdir(path.c_str()) == 0;
    const int code = errno;
    syscall(SYS_setfsuid, uid);
    syscall(SYS_setfsgid, gid);
    errno = code;
    return entered;
}

// The system call itself: the C library's getcwd(3) turns "(unreachable)" into ENOENT, as for a removed directory.
Outcome check_place() {
    std::array<char, PATH_MAX> place{};
    if (syscall(SYS_getcwd, place.data(), place.size()) < 0) {
        return failed_at(Step::kWorkingDirectory);
    }
    return place.front() == '/' ? done() : failed_at(Step::kWorkingDirectoryOutside, -1, EXDEV);
}

} // namespace

Outcome enter_directory(const std::string &path, const oci::User &user) {
    bool entered = chdir(path.c_str()) == 0;
    if (!entered && errno == ENOENT) {
        entered = make_missing(path) && chdir(path.c_str()) == 0;
    }
    if (!entered && errno == EACCES) {
        entered = enter_as(path, user);
    }
    return entered ? check_place() : failed_at(Step::kWorkingDirectory);
}

} // namespace ballast::isolate
