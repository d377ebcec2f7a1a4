// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <sys/types.h>

#include "base/fd.h"

// A descriptor that goes along with a message on a Unix socket (SCM_RIGHTS of unix(7)). Both restart after a signal,
// return as sendmsg(2) and recvmsg(2) do, with errno, and allocate nothing: they may run between clone3(2) and
// execve(2).
namespace ballast {

// `passed` -1: the message alone. A socket without a reader is EPIPE, not a signal.
ssize_t send_with_fd(BorrowedFd socket, const void *bytes, std::size_t size, int passed);

// What came along is the caller's, close-on-exec; -1 when nothing did. `passed` null: what comes along is dropped.
ssize_t receive_with_fd(BorrowedFd socket, void *bytes, std::size_t size, int *passed);

} // namespace ballast
