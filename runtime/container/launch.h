// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/channel.h"
#include "runtime/isolate/namespaces.h"

// Starts the process that becomes the container: clone3(2) straight into its namespaces and its cgroup.
namespace ballast::container {

struct LaunchPlan {
    isolate::NamespacePlan *namespaces = nullptr;               // opened
    std::optional<int> cgroup{};                                // a directory of cgroup2
    std::vector<oci::IdMapping> uid_mappings{}, gid_mappings{}; // of a new user namespace
    std::uint32_t root_uid = 0, root_gid = 0; // what the process is in a new or joined user namespace until it is told
                                              // otherwise
    bool hold = false;                        // the process waits for kContinue before `main`
    int proc = -1;                            // the host's /proc
};

// Runs in the new process, in every namespace that was made and the joined user, pid and time namespaces. Returns only
// to say what failed.
using ChildMain = isolate::Outcome (*)(const void *plan, BorrowedFd channel);

struct Launched {
    pid_t pid = -1; // a child of ours, to be waited for
    Fd pidfd;
    Fd channel;
};

// EPERM, ENOSPC (a limit on namespaces), … with what was being made. A process that was started is dead when this
// fails. The process dies with us until it clears that itself.
Result<Launched> launch(const LaunchPlan &plan, ChildMain main, const void *argument);

} // namespace ballast::container
