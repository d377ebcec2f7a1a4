// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/fd.h"
#include "base/result.h"

// The runtime's side of a container's terminal and streams.
namespace ballast::container {

// Connects before anything is made, so that a socket that is not there costs nothing. ENOENT, ECONNREFUSED, …
Result<Fd> connect_console(const std::filesystem::path &socket);
// Hands the master side over, with "/dev/pts/ptmx"-like text beside it as receivers expect some.
Status send_console(BorrowedFd socket, BorrowedFd master);

// Until the process of `pidfd` (a child of ours) ends: passes our signals on to it and, with a master side, bytes
// and sizes between our terminal and its. Returns its exit code, or 128 + signal.
Result<int> stay_with(pid_t pid, BorrowedFd pidfd, Fd master);

// Blocks the signals that stay_with() passes on, so that none is lost or ends us before it runs. Call it before the
// process is started; the process itself resets its mask.
void hold_signals();

} // namespace ballast::container
