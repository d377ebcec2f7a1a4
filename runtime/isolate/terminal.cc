// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/terminal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

namespace ballast::isolate {
namespace {

constexpr unsigned kMultiplexerMajor = 5, kMultiplexerMinor = 2; // Documentation/admin-guide/devices.txt

} // namespace

Outcome open_terminal(BorrowedFd root, std::optional<oci::ConsoleSize> size, uid_t uid, Terminal &terminal) {
    open_how how{};
    how.flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
    terminal.master = Fd(static_cast<int>(syscall(SYS_openat2, root.get(), "dev/pts/ptmx", &how, sizeof how)));
    struct statfs system{};
    struct stat node{};
    if (!terminal.master.is_open() || fstatfs(terminal.master.get(), &system) != 0 ||
        fstat(terminal.master.get(), &node) != 0) {
        return failed_at(Step::kTerminal);
    }
    if (system.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(node.st_mode) ||
        node.st_rdev != makedev(kMultiplexerMajor, kMultiplexerMinor)) {
        return failed_at(Step::kTerminal, -1, ENOTTY);
    }
    int unlocked = 0;
    if (ioctl(terminal.master.get(), TIOCSPTLCK, &unlocked) != 0) {
        return failed_at(Step::kTerminal);
    }
    terminal.slave = Fd(ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal.slave.is_open()) {
        return failed_at(Step::kTerminal);
    }
    if (size) {
        const winsize window{.ws_row = size->height, .ws_col = size->width, .ws_xpixel = 0, .ws_ypixel = 0};
        if (ioctl(terminal.master.get(), TIOCSWINSZ, &window) != 0) {
            return failed_at(Step::kTerminalSize);
        }
    }
    // An id that the user namespace does not map cannot own it, and needs no more than the open descriptors.
    if (fchown(terminal.slave.get(), uid, static_cast<gid_t>(-1)) != 0 && errno != EINVAL && errno != EPERM) {
        return failed_at(Step::kTerminal);
    }
    return done();
}

Outcome use_terminal(BorrowedFd slave) {
    if (ioctl(slave.get(), TIOCSCTTY, 0) != 0) {
        return failed_at(Step::kTerminalControl);
    }
    for (int stream = 0; stream <= 2; ++stream) {
        if (dup2(slave.get(), stream) < 0) {
            return failed_at(Step::kStandardStreams);
        }
    }
    return done();
}

} // namespace ballast::isolate
