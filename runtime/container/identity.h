// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/state.h"
#include "runtime/isolate/process.h"

// Small facts that records and messages carry.
namespace ballast::container {

// By /etc/passwd, read as a file: no name service is asked. The number when it has no name.
std::string user_name(uid_t uid);
// The id that is root of a user namespace: 0 when mapped, otherwise the first that is.
std::uint32_t first_mapped(const std::vector<oci::IdMapping> &mappings);
// The host's id of a container's; the id itself where nothing maps it.
std::uint32_t host_id(const std::vector<oci::IdMapping> &mappings, std::uint32_t container_id);
// The host's /proc, checked to be procfs' own root.
Result<Fd> open_host_proc();
// HOME by the /etc/passwd below `root`, when the environment has none.
Status set_home(isolate::ProcessPlan &process, BorrowedFd root);
// Replaced atomically: whoever waits for it never reads half a number.
Status write_pid_file(const std::filesystem::path &file, pid_t pid);
// The container process state of the specification, as a seccomp agent gets it.
std::string seccomp_process_state(const State &state, Phase phase, pid_t pid, const std::string &metadata);

} // namespace ballast::container
