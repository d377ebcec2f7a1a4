// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/fd.h"
#include "runtime/container/channel.h"
#include "runtime/isolate/namespaces.h"
#include "runtime/isolate/process.h"
#include "runtime/isolate/rootfs.h"
#include "runtime/isolate/seccomp.h"

// What the container's first process does between clone3(2) and the user's program, and what a further process (exec)
// does. It was all planned before; nothing in here allocates.
namespace ballast::container {

struct InitPlan {
    isolate::NamespacePlan namespaces;
    isolate::RootfsPlan rootfs;
    isolate::ProcessPlan process;
    isolate::SeccompProgram seccomp;
    std::optional<oci::ConsoleSize> console_size{};
    bool terminal = false;
    bool hooks_before_pivot = false; // the runtime waits for kMounted
    bool outside_limits = false;     // a user namespace: the runtime sets what needs rights over the host
    int proc = -1;                   // the host's /proc
    int listener = -1;               // where `start` connects; -1: `run`, the program starts at once
    int init_lock = -1;              // held until the program runs
};

isolate::Outcome container_init(const void *init_plan, BorrowedFd channel);

struct ExecPlan {
    isolate::NamespacePlan namespaces; // joins those of the container
    isolate::ProcessPlan process;
    isolate::SeccompProgram seccomp;
    std::optional<oci::ConsoleSize> console_size{};
    bool terminal = false;
    bool outside_limits = false;
    int proc = -1;
};

isolate::Outcome container_exec(const void *exec_plan, BorrowedFd channel);

} // namespace ballast::container
