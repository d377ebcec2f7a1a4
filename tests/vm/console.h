// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace ballast::vm {

enum class ConsoleEnd { kQuit, kMachineEnded };

// Joins our terminal and the guest's serial console (a connected socket) until ctrl-a x is typed or QEMU (`pidfd`)
// ends. A terminal is set to raw and restored; ctrl-a twice sends one. Works without a terminal too: output is shown,
// the end of input is ignored.
Result<ConsoleEnd> run_console(BorrowedFd socket, BorrowedFd pidfd);

} // namespace ballast::vm
