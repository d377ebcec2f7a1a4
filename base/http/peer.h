// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>

#include "base/fd.h"

namespace ballast::http {

// Who is at the other end.
struct Peer {
    bool local = false; // a Unix socket: then the kernel says who connected
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    pid_t pid = 0;
    std::string address; // of TCP, "192.0.2.1:4711"
};

Peer peer_of(BorrowedFd socket);

} // namespace ballast::http
