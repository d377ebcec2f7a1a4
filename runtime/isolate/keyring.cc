// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/keyring.h"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/isolate/proc_file.h"

namespace ballast::isolate {
namespace {

// keyctl_setperm(3). What the kernel gives a session keyring, and search for its owner: another process of the
// container finds it by its name only with that.
constexpr unsigned kPossessorAll = 0x3f000000;
constexpr unsigned kUserView = 0x00010000;
constexpr unsigned kUserRead = 0x00020000;
constexpr unsigned kUserSearch = 0x00080000;
constexpr unsigned kUserLink = 0x00100000;
constexpr unsigned kPermissions = kPossessorAll | kUserView | kUserRead | kUserSearch | kUserLink;

} // namespace

Outcome join_session_keyring(const std::string &name, const std::string &selinux_label, BorrowedFd proc) {
    // Forgotten by the kernel at the next execve(2).
    if (!selinux_label.empty() && !write_proc_file(proc, 0, "attr/keycreate", selinux_label)) {
        return failed_at(Step::kKeyring);
    }
    const char *wanted = name.empty() ? nullptr : name.c_str();
    const long keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, wanted);
    if (keyring < 0) {
        return errno == ENOSYS ? done() : failed_at(Step::kKeyring);
    }
    if (syscall(SYS_keyctl, KEYCTL_SETPERM, keyring, kPermissions) != 0) {
        return failed_at(Step::kKeyring);
    }
    return done();
}

} // namespace ballast::isolate
