// SPDX-License-Identifier: Apache-2.0
#include "base/http/socket_stream.h"

#include <algorithm>
#include <array>
#include <limits>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace ballast::http {
namespace {

constexpr std::size_t kMostParts = 4;

} // namespace

int poll_time(SocketStream::Clock::time_point deadline) {
    using std::chrono::milliseconds;
    // Rounded up: a deadline less than a millisecond away must not become a busy loop.
    const auto left = std::chrono::ceil<milliseconds>(deadline - SocketStream::Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, std::numeric_limits<int>::max()));
}

Result<short> wait_for(BorrowedFd fd, short events, SocketStream::Clock::time_point deadline) {
    while (true) {
        pollfd entry{fd.get(), events, 0};
        const int count = poll(&entry, 1, poll_time(deadline));
        if (count > 0) {
            return entry.revents;
        }
        if (count == 0) {
            return static_cast<short>(0);
        }
        if (errno != EINTR) {
            return fail_errno("poll");
        }
    }
}

Result<std::size_t> SocketStream::read(std::span<char> into, Clock::time_point deadline) {
    while (true) {
        const ssize_t count = recv(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return fail_errno("read from the client");
        }
        if (TRY(wait_for(fd(), POLLIN, deadline)) == 0) {
            return fail_errno("read from the client", ETIMEDOUT);
        }
    }
}

Status SocketStream::write(std::span<const std::string_view> parts, std::chrono::milliseconds patience) {
    std::array<iovec, kMostParts> vectors{};
    std::size_t left = std::min(parts.size(), kMostParts);
    for (std::size_t place = 0; place < left; place++) {
        // sendmsg(2) reads only, whatever the type says.
        vectors[place] = {const_cast<char *>(parts[place].data()), parts[place].size()};
    }
    iovec *next = vectors.data();
    while (left > 0) {
        if (next->iov_len == 0) {
            next++;
            left--;
            continue;
        }
        msghdr message{};
        message.msg_iov = next;
        message.msg_iovlen = left;
        const ssize_t sent = sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            if (TRY(wait_for(fd(), POLLOUT, Clock::now() + patience)) == 0) {
                return fail_errno("write to the client", ETIMEDOUT);
            }
            continue;
        }
        if (sent < 0 && errno != EINTR) {
            return fail_errno("write to the client");
        }
        for (auto done = static_cast<std::size_t>(std::max<ssize_t>(sent, 0)); done > 0;) {
            const std::size_t part = std::min(done, next->iov_len);
            next->iov_base = static_cast<char *>(next->iov_base) + part;
            next->iov_len -= part;
            done -= part;
            if (next->iov_len == 0 && left > 1) {
                next++;
                left--;
            }
        }
    }
    return {};
}

void SocketStream::cut() {
    const std::lock_guard lock(ownership_);
    if (socket_.is_open()) {
        (void)shutdown(socket_.get(), SHUT_RDWR); // the client may have been faster
    }
}

Fd SocketStream::take() {
    const std::lock_guard lock(ownership_);
    return std::move(socket_);
}

} // namespace ballast::http
