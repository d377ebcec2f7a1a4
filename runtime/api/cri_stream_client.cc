// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_stream_client.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace ballast::api {
namespace {

constexpr int kStopping = 200; // milliseconds: the server waits no longer for us
constexpr int kLinger = 2000;

bool passes(int error) { return error == EAGAIN || error == EINTR; }

// Whether that came within so many milliseconds; less when the server stops meanwhile.
bool wait_for_client(BorrowedFd client, short events, int patience, BorrowedFd stop_event) {
    std::array<pollfd, 2> entries{pollfd{client.get(), events, 0}, pollfd{stop_event.get(), POLLIN, 0}};
    (void)poll(entries.data(), entries.size(), patience); // nothing has happened when it fails
    if (entries[0].revents == 0 && entries[1].revents != 0) {
        (void)poll(entries.data(), 1, kStopping);
    }
    return entries[0].revents != 0;
}

} // namespace

short StreamClient::wanted(const stream::Protocol &protocol, bool reads) const {
    const bool writes = !output_.empty() || protocol.waiting() > 0;
    return static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

bool StreamClient::begin(stream::Protocol &protocol) {
    return protocol.feed(std::exchange(client_.read_ahead, {})).has_value();
}

bool StreamClient::serve(stream::Protocol &protocol, short happened, bool reads) {
    // Both directions are closed, or broken: what it said before has nobody to answer to.
    if ((happened & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        return false;
    }
    return (happened & POLLIN) == 0 || !reads || read(protocol);
}

bool StreamClient::read(stream::Protocol &protocol) {
    std::array<char, kStreamPiece> piece{};
    const ssize_t count = recv(client_.socket.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count < 0) {
        return passes(errno);
    }
    return count > 0 && protocol.feed({piece.data(), static_cast<std::size_t>(count)}).has_value();
}

bool StreamClient::write(stream::Protocol &protocol) {
    output_ += protocol.take_output();
    std::size_t done = 0;
    while (done < output_.size()) {
        const ssize_t count =
            send(client_.socket.get(), output_.data() + done, output_.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) {
            output_.erase(0, done);
            return passes(errno);
        }
        done += static_cast<std::size_t>(count);
    }
    output_.clear();
    return true;
}

void StreamClient::drain(stream::Protocol &protocol, BorrowedFd stop_event) {
    while (write(protocol) && !output_.empty()) {
        if (!wait_for_client(client_.socket, POLLOUT, kStreamPing, stop_event)) {
            return;
        }
    }
    (void)shutdown(client_.socket.get(), SHUT_WR);
    // A socket that is closed over bytes that nobody read resets the connection, and the last word may be lost.
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLinger);
    std::array<char, kStreamPiece> rest{};
    while (std::chrono::steady_clock::now() < until && wait_for_client(client_.socket, POLLIN, kLinger, stop_event)) {
        if (recv(client_.socket.get(), rest.data(), rest.size(), MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

} // namespace ballast::api
