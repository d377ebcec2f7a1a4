// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/bounded_send.h"

#include <cerrno>
#include <poll.h>

namespace ballast::container_log {
namespace {

constexpr int kPatienceMs = 500;

} // namespace

ssize_t BoundedSender::send(BorrowedFd socket, const msghdr &message) {
    for (;;) {
        const ssize_t sent = sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            waited_ = false;
            return sent;
        }
        if (errno == EINTR) {
            continue;
        }
        if ((errno != EAGAIN && errno != ENOBUFS) || waited_) {
            return sent;
        }
        waited_ = true;
        pollfd one{socket.get(), POLLOUT, 0};
        (void)poll(&one, 1, kPatienceMs); // sending again says how it went
    }
}

} // namespace ballast::container_log
