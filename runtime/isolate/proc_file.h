// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <sys/types.h>

#include "base/fd.h"

// Files of a process below a /proc that was opened before anything untrusted could mount over it.
namespace ballast::isolate {

// Writes proc/PID/NAME (pid 0: self) in one write(2), as these files want it. False with errno. Allocates nothing.
bool write_proc_file(BorrowedFd proc, pid_t pid, const char *name, std::string_view content);

} // namespace ballast::isolate
