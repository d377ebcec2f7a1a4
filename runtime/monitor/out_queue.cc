// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/out_queue.h"

#include <sys/socket.h>

#include "base/fd_passing.h"

namespace ballast::monitor {
namespace {

constexpr std::size_t kPart = 32UL << 10; // small parts: what was sent is given back soon

} // namespace

void OutQueue::add(std::string_view bytes) {
    if (bytes.empty()) {
        return;
    }
    size_ += bytes.size();
    if (!parts_.empty() && !parts_.back().passed.is_open() && parts_.back().bytes.size() + bytes.size() <= kPart) {
        parts_.back().bytes += bytes;
        return;
    }
    parts_.push_back({.bytes = std::string(bytes)});
}

void OutQueue::add(std::string_view bytes, Fd passed) {
    size_ += bytes.size();
    parts_.push_back({.bytes = std::string(bytes), .passed = std::move(passed)});
}

Result<std::size_t> OutQueue::send(BorrowedFd socket) {
    std::size_t total = 0;
    while (!parts_.empty()) {
        Part &part = parts_.front();
        const std::string_view rest = std::string_view(part.bytes).substr(part.sent);
        const ssize_t sent =
            send_with_fd(socket, rest.data(), rest.size(), part.passed.is_open() ? part.passed.get() : -1);
        if (sent < 0) {
            if (errno == EAGAIN) {
                break;
            }
            return fail_errno("send");
        }
        part.passed.close();
        part.sent += static_cast<std::size_t>(sent);
        total += static_cast<std::size_t>(sent);
        size_ -= static_cast<std::size_t>(sent);
        if (part.sent == part.bytes.size()) {
            parts_.pop_front();
        }
    }
    return total;
}

} // namespace ballast::monitor
