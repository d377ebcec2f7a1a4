// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include "base/fd.h"

namespace ballast::container_log {

// Datagrams to a receiver that may be slow: the container waits for it for a moment, once, and not again before one
// has got through.
class BoundedSender {
  public:
    // As sendmsg(2) on a socket that does not block.
    ssize_t send(BorrowedFd socket, const msghdr &message);

  private:
    bool waited_ = false;
};

} // namespace ballast::container_log
