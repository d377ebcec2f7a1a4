// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/notify_socket.h"

// The runtime's side of a container's terminal and streams.
namespace ballast::container {

// Connects before anything is made, so that a socket that is not there costs nothing. ENOENT, ECONNREFUSED, …
Result<Fd> connect_console(const std::filesystem::path &socket);
// Hands the master side over, with "/dev/pts/ptmx"-like text beside it as receivers expect some.
Status send_console(BorrowedFd socket, BorrowedFd master);

// Gives the container's terminal the size of ours (standard input), if that is one. Before its program runs, so that it
// sees no other size first.
void take_terminal_size(BorrowedFd master);

// Until the process of `pidfd` (a child of ours) ends: passes our signals on to it and, with a master side, bytes
// and sizes between our terminal and its. `notify`, when open, is relayed meanwhile. Returns its exit code, or 128 +
// signal.
Result<int> stay_with(pid_t pid, BorrowedFd pidfd, Fd master, NotifySocket notify = {});

// Blocks the signals that stay_with() passes on, so that none is lost or ends us before it runs. Call it before the
// process is started; the process itself resets its mask.
void hold_signals();

} // namespace ballast::container
