// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/working_directory.h"

#include <array>
#include <climits>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::isolate {
namespace {

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
    if (!entered && errno == EACCES) {
        entered = enter_as(path, user);
    }
    return entered ? check_place() : failed_at(Step::kWorkingDirectory);
}

} // namespace ballast::isolate
