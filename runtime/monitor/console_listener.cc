// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/console_listener.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd_passing.h"
#include "base/quote.h"
#include "base/unix_address.h"

namespace ballast::monitor {

Result<Fd> listen_at(const std::string &path) {
    const auto address = unix_address(path);
    if (!address) {
        return fail(ENAMETOOLONG, "listen at " + quote(path));
    }
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)unlink(path.c_str()); // of a monitor that was killed
    const mode_t before = umask(0177);
    const bool bound = socket.is_open() &&
                       bind(socket.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) == 0 &&
                       listen(socket.get(), SOMAXCONN) == 0;
    const int code = errno;
    (void)umask(before);
    if (!bound) {
        return fail_errno("listen at " + quote(path), code);
    }
    return socket;
}

Result<ConsoleListener> ConsoleListener::create(const std::string &path) {
    return ConsoleListener(TRY(listen_at(path)), path);
}

ConsoleListener::~ConsoleListener() {
    if (socket_.is_open()) {
        (void)unlink(path_.c_str()); // a name that stays is replaced by the next
    }
}

Result<Fd> ConsoleListener::receive() const {
    const Fd peer(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer.is_open()) {
        return fail_errno("receive the terminal");
    }
    std::array<char, 64> name{};
    int passed = -1;
    if (receive_with_fd(peer, name.data(), name.size(), &passed) < 0 || passed < 0) {
        return fail(EPROTO, "receive the terminal: the runtime sent none");
    }
    Fd master(passed);
    const int flags = fcntl(master.get(), F_GETFL);
    if (isatty(master.get()) == 0 || flags < 0 || fcntl(master.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
        return fail(EPROTO, "receive the terminal: the runtime sent something else");
    }
    return master;
}

} // namespace ballast::monitor
