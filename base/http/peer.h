// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"

namespace ballast::http {

// Whom a client's certificate names (RFC 5280, section 4.1.2.6); an authority that is trusted says so.
struct CertifiedName {
    std::string common_name;
    std::vector<std::string> organizations;
};

// Who is at the other end.
struct Peer {
    bool local = false; // a Unix socket: then the kernel says who connected
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    pid_t pid = 0;
    std::string address;                           // of TCP, "192.0.2.1:4711"
    bool tls = false;                              // it came by way of TlsFront
    std::optional<CertifiedName> certificate = {}; // that it showed there
};

Peer peer_of(BorrowedFd socket);

} // namespace ballast::http
