// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <span>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::http {

// A connected stream socket whose reads and writes wait at most until a deadline. The socket itself stays blocking.
// Errors are those of recv(2) and send(2), and ETIMEDOUT.
class SocketStream {
  public:
    using Clock = std::chrono::steady_clock;

    explicit SocketStream(Fd socket) : socket_(std::move(socket)) {}

    // Some bytes; 0 at the end of what the other side sends.
    Result<std::size_t> read(std::span<char> into, Clock::time_point deadline);
    // All of the parts, in as few calls as the kernel allows; each wait lasts `patience` at most.
    Status write(std::span<const std::string_view> parts, std::chrono::milliseconds patience);

    BorrowedFd fd() const { return BorrowedFd(socket_.get()); }
    // Fails everything that waits and whatever comes; from any thread.
    void cut();
    Fd take();

  private:
    Fd socket_;
    std::mutex ownership_; // take() against cut(): a number given away may soon be another file's
};

// poll(2) with a deadline, over EINTR: the events that came, 0 when the time is over.
Result<short> wait_for(BorrowedFd fd, short events, SocketStream::Clock::time_point deadline);
// What is left until then, as poll(2) wants it.
int poll_time(SocketStream::Clock::time_point deadline);

} // namespace ballast::http
