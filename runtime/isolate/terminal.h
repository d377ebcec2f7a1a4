// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/fd.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// A pseudo-terminal of the container's own devpts (pty(7)), in the container's process.
namespace ballast::isolate {

struct Terminal {
    Fd master;
    Fd slave;
};

// Opens dev/pts/ptmx below `root`, without links on the way, and checks that it is the multiplexer of a devpts; the
// slave comes from the master, not by its name. The slave belongs to `uid` from then on.
Outcome open_terminal(BorrowedFd root, std::optional<oci::ConsoleSize> size, uid_t uid, Terminal &terminal);

// Standard streams and controlling terminal become `slave`. The caller leads a session.
Outcome use_terminal(BorrowedFd slave);

} // namespace ballast::isolate
