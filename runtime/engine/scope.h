// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/unit_property.h"

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

// What is in it, and how systemd stops that: when the machine shuts down, before anything that containers and ballastd
// need, it asks the monitor (monitor/settings.h: kStop); after `stop_seconds` and what a monitor needs on top it kills
// everything. -1: after systemd's own default time, so that no container keeps a machine from shutting down.
struct ScopeContents {
    std::string description;
    pid_t first = 0;
    int stop_seconds = 10;
};
std::vector<isolate::UnitProperty> scope_properties(const ScopePlan &plan, const ScopeContents &contents);

// Asks systemd, by `program` (ballast-oci-scope), and returns when the scope is there. A leftover of the same name is
// stopped first.
Status start_scope(const std::string &program, const ScopePlan &plan, const ScopeContents &contents);
// Kills what is in it; missing is fine.
Status stop_scope(const std::string &program, const ScopePlan &plan);

// Scopes of containers as the kernel has them, by the container's id; those inside of a container are not looked at.
// `cgroups`: the mount of cgroup2.
std::map<std::string, ScopePlan> find_scopes(const std::filesystem::path &cgroups = "/sys/fs/cgroup");

} // namespace ballast::engine
