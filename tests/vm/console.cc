// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/console.h"

#include <array>
#include <optional>
#include <poll.h>
#include <string>
#include <termios.h>
#include <unistd.h>

#include "base/file_io.h"
#include "tests/vm/console_keys.h"

namespace ballast::vm {
namespace {

// The terminal as it was comes back on destruction.
class RawTerminal {
  public:
    RawTerminal() {
        if (tcgetattr(STDIN_FILENO, &before_) != 0) {
            return; // no terminal
        }
        termios raw = before_;
        cfmakeraw(&raw);
        changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    RawTerminal(const RawTerminal &) = delete;
    RawTerminal &operator=(const RawTerminal &) = delete;
    ~RawTerminal() {
        if (changed_) {
            (void)tcsetattr(STDIN_FILENO, TCSANOW, &before_); // nobody left to tell
        }
    }

  private:
    termios before_{};
    bool changed_ = false;
};

// What can be read at once; empty at the end of the stream.
Result<std::string> read_some(int fd) {
    std::array<char, 4096> buffer{};
    while (true) {
        const ssize_t count = read(fd, buffer.data(), buffer.size());
        if (count >= 0) {
            return std::string(buffer.data(), static_cast<std::size_t>(count));
        }
        if (errno == ECONNRESET || errno == EIO) {
            return std::string();
        }
        if (errno != EINTR) {
            return fail_errno("console: read");
        }
    }
}

} // namespace

Result<ConsoleEnd> run_console(BorrowedFd socket, BorrowedFd pidfd) {
    const RawTerminal terminal;
    ConsoleKeys keys;
    std::array<pollfd, 3> waiting{{{socket.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    while (true) {
        if (poll(waiting.data(), waiting.size(), -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_errno("console: poll");
        }
        if (waiting[0].revents != 0) {
            const std::string output = TRY(read_some(socket.get()));
            if (output.empty()) {
                waiting[0].fd = -1; // QEMU is ending; its pidfd says so
            }
            TRY(write_all(BorrowedFd(STDOUT_FILENO), output));
        } else if (waiting[1].revents != 0) {
            return ConsoleEnd::kMachineEnded; // after the last output was shown
        }
        if (waiting[2].revents != 0) {
            const std::string typed = TRY(read_some(STDIN_FILENO));
            if (typed.empty()) {
                waiting[2].fd = -1;
            }
            const std::string sent = keys.filter(typed);
            if (const Status written = write_all(socket, sent); !written.has_value()) {
                waiting[2].fd = -1; // as above
            }
            if (keys.quit()) {
                return ConsoleEnd::kQuit;
            }
        }
    }
}

} // namespace ballast::vm
