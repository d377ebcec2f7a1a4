// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/console.h"

#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd_passing.h"
#include "base/file_io.h"
#include "base/quote.h"
#include "base/unix_address.h"

namespace ballast::container {
namespace {

sigset_t passed_on() {
    sigset_t set;
    sigfillset(&set);
    // What the kernel sends for a fault of ours, and what no program can see.
    for (const int own : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGKILL, SIGSTOP}) {
        sigdelset(&set, own);
    }
    return set;
}

// Our terminal as it was, whatever way we leave.
class RawTerminal {
  public:
    explicit RawTerminal(int fd) : fd_(fd) {
        if (isatty(fd) == 0 || tcgetattr(fd, &before_) != 0) {
            return;
        }
        termios raw = before_;
        cfmakeraw(&raw);
        changed_ = tcsetattr(fd, TCSANOW, &raw) == 0;
    }
    RawTerminal(const RawTerminal &) = delete;
    RawTerminal &operator=(const RawTerminal &) = delete;
    ~RawTerminal() {
        if (changed_) {
            tcsetattr(fd_, TCSANOW, &before_);
        }
    }

  private:
    int fd_;
    termios before_{};
    bool changed_ = false;
};

void copy_size(int from, BorrowedFd to) {
    winsize size{};
    if (ioctl(from, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) {
        ioctl(to.get(), TIOCSWINSZ, &size); // a size that does not arrive spoils a picture, nothing else
    }
}

// One read's worth. False at the end of `from`.
bool pass(int from, int to) {
    std::array<char, 16384> buffer{};
    const ssize_t count = read(from, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
        return true;
    }
    // EIO: the last program on the slave side is gone.
    return count > 0 &&
           write_all(BorrowedFd(to), std::string_view(buffer.data(), static_cast<std::size_t>(count))).has_value();
}

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// Whether it has ended; `status` is what its parent would see then.
Result<bool> reap(pid_t pid, int &status) {
    const pid_t ended = waitpid(pid, &status, WNOHANG | __WALL);
    if (ended < 0 && errno != EINTR) {
        return fail_errno("wait for the container");
    }
    return ended == pid;
}

} // namespace

void take_terminal_size(BorrowedFd master) { copy_size(STDIN_FILENO, master); }

Result<Fd> connect_console(const std::filesystem::path &socket) {
    const std::string name = socket.string();
    const auto address = unix_address(name);
    if (!address) {
        return fail(ENAMETOOLONG, "console socket " + quote(name) + " has a longer path than a socket may have");
    }
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.is_open() || connect(fd.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) != 0) {
        return fail_errno("connect to the console socket " + quote(name));
    }
    return fd;
}

Status send_console(BorrowedFd socket, BorrowedFd master) {
    constexpr std::string_view name = "/dev/ptmx";
    if (send_with_fd(socket, name.data(), name.size(), master.get()) < 0) {
        return fail_errno("send the terminal to the console socket");
    }
    return {};
}

void hold_signals() {
    const sigset_t set = passed_on();
    sigprocmask(SIG_BLOCK, &set, nullptr);
}

Result<int> stay_with(pid_t pid, BorrowedFd pidfd, Fd master, NotifySocket notify) {
    const sigset_t set = passed_on();
    const Fd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals.is_open()) {
        return fail_errno("watch for signals");
    }
    const bool terminal = master.is_open();
    const RawTerminal raw(terminal ? STDIN_FILENO : -1);
    bool input = terminal;
    for (;;) {
        std::array<pollfd, 5> watched{{{pidfd.get(), POLLIN, 0},
                                       {signals.get(), POLLIN, 0},
                                       {master.is_open() ? master.get() : -1, POLLIN, 0},
                                       {input ? STDIN_FILENO : -1, POLLIN, 0},
                                       {notify.is_open() ? notify.fd().get() : -1, POLLIN, 0}}};
        if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
            return fail_errno("wait for the container");
        }
        signalfd_siginfo info{};
        while (read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            const int number = static_cast<int>(info.ssi_signo);
            if (number == SIGWINCH && terminal && master.is_open()) {
                copy_size(STDIN_FILENO, master);
            } else if (number != SIGCHLD && number != SIGURG) {
                syscall(SYS_pidfd_send_signal, pidfd.get(), number, nullptr, 0); // it may have ended meanwhile
            }
        }
        if ((watched[3].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            input = pass(STDIN_FILENO, master.get());
        }
        if ((watched[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !pass(master.get(), STDOUT_FILENO)) {
            master.close();
            input = false;
        }
        if ((watched[4].revents & POLLIN) != 0) {
            notify.relay();
        }
        int status = 0;
        if ((watched[0].revents & POLLIN) != 0 && TRY(reap(pid, status))) {
            if (master.is_open()) { // what it wrote last
                fcntl(master.get(), F_SETFL, O_NONBLOCK);
                pollfd rest{master.get(), POLLIN, 0};
                while (poll(&rest, 1, 0) > 0 && (rest.revents & POLLIN) != 0 && pass(master.get(), STDOUT_FILENO)) {
                }
            }
            return exit_status(status);
        }
    }
}

} // namespace ballast::container
