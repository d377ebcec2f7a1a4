// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>

#include "base/result.h"

// A systemd scope per container: its monitor is the first process, in SCOPE/monitor; the container is in
// SCOPE/container, which ballast-oci makes and writes to, as systemd has delegated the whole of it.
namespace ballast::engine {

struct ScopePlan {
    std::string unit;   // "ballast-ID.scope"
    std::string slice;  // "system.slice"
    std::string cgroup; // "/system.slice/ballast-ID.scope", below the mount of cgroup2
};
// `parent`: a slice's name; empty: system.slice. EINVAL "cgroup-parent for systemd cgroup should be a valid slice named
// as \"xxx.slice\"".
Result<ScopePlan> plan_scope(const std::string &id, const std::string &parent);

// Asks systemd, by `program` (ballast-oci-scope), and returns when the scope is there. A leftover of the same name is
// stopped first.
Status start_scope(const std::string &program, const ScopePlan &plan, const std::string &description, pid_t first);
// Kills what is in it; missing is fine.
Status stop_scope(const std::string &program, const ScopePlan &plan);

} // namespace ballast::engine
