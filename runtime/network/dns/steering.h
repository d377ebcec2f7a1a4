// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace ballast::dns {

// What is sent to port 53 of 127.0.0.11 in that network namespace reaches these sockets, whatever ports they have, as
// long as what is returned is open: a program asks the kernel to look for them (BPF_SK_LOOKUP). So nobody holds the
// port itself, and a name server in the container may bind it on all addresses. `tcp` listens; both are bound in there.
// ENOTSUP in a kernel without such programs; EPERM without CAP_BPF and CAP_NET_ADMIN.
Result<Fd> steer_questions(BorrowedFd network_namespace, BorrowedFd udp, BorrowedFd tcp);

} // namespace ballast::dns
