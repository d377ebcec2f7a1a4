// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::monitor {

// Bytes on their way to a socket that does not block, some with a descriptor.
class OutQueue {
  public:
    void add(std::string_view bytes);
    void add(std::string_view bytes, Fd passed);
    // As much as the socket takes; the bytes it took. Any error but "not now".
    Result<std::size_t> send(BorrowedFd socket);
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

  private:
    struct Part {
        std::string bytes;
        std::size_t sent = 0;
        Fd passed = {}; // goes with the first byte
    };
    std::deque<Part> parts_;
    std::size_t size_ = 0;
};

} // namespace ballast::monitor
