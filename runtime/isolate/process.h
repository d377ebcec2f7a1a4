// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/isolate/program.h"
#include "runtime/isolate/words.h"
#include "runtime/oci/spec.h"

// What a process of a container is before it runs the user's program: planned by the parent, applied after clone3(2).
// The kernel's concepts have a file each (rlimits, capabilities, …); this is their sequence.
namespace ballast::isolate {

struct ProcessPlan {
    Words args;
    Words env; // as given, and HOME when it was missing and the caller found one (home_of() of user.h)
    std::string cwd = "/";
    oci::User user;
    bool may_set_groups = true;           // false: a user namespace whose /proc/PID/setgroups says "deny"
    oci::Capabilities capabilities;       // all zero when the specification gives none
    std::uint64_t known_capabilities = 0; // those of the running kernel: what the bounding set is cleared of
    std::vector<oci::Rlimit> rlimits;
    bool no_new_privileges = false;
    bool new_keyring = true;                  // false: --no-new-keyring
    std::string keyring_name;                 // "_ses.ID"; empty: one without a name
    std::optional<std::string> oom_score_adj; // as written to the file
    std::optional<oci::Scheduler> scheduler;
    std::optional<oci::IoPriority> io_priority;
    std::vector<unsigned long> affinity; // cpu_set_t words for sched_setaffinity(2); empty: leave. affinity.h has more
    std::optional<oci::MemoryPolicy> memory_policy;
    std::vector<unsigned long> memory_nodes;
    std::optional<oci::Personality> personality;
    std::string apparmor_profile, selinux_label;
    unsigned preserved_fds = 0; // descriptors 3 .. 3+N-1 stay open: --preserve-fds and LISTEN_FDS
};

// `linux_part` gives personality and memory policy; null for exec with a process of its own. EINVAL with the JSON path
// for what cannot be; ENOTSUP when the kernel lacks it (labels, memory policy). Arguments and environment are frozen;
// who adds to them freezes them again.
Result<ProcessPlan> plan_process(const oci::Process &process, const oci::Linux *linux_part);

// In this order, in the new process. `proc` is the host's /proc, opened before anything untrusted existed.
Outcome apply_labels(const ProcessPlan &plan, BorrowedFd proc); // labels of the coming exec
// Limits that need rights over the host, then task settings. After it, opening files may fail: RLIMIT_NOFILE.
Outcome apply_limits(const ProcessPlan &plan, BorrowedFd proc);
// The two halves, for a process in a user namespace, which has no such rights. In the parent, for the child `pid`:
// rlimits, OOM score, scheduler, affinity, I/O priority; and in the child:
Outcome apply_limits_from_outside(const ProcessPlan &plan, BorrowedFd proc, pid_t pid);
Outcome apply_task_settings(const ProcessPlan &plan, BorrowedFd proc); // memory policy, personality, session keyring
// Made when missing; must lie inside the root. Before the credentials, since root may make it and the user may not.
Outcome enter_working_directory(const ProcessPlan &plan);
// Umask, bounding set, groups, ids, capabilities. A parent death signal is cleared by it.
Outcome apply_credentials(const ProcessPlan &plan);
Outcome apply_no_new_privileges(const ProcessPlan &plan);

// The file that args[0] names, by PATH of the plan's environment, as execvp(3) would look for it: program.h. Call it
// inside the new root, as the container's user.
Outcome find_program(const ProcessPlan &plan, ProgramPath &found);
// Closes all descriptors from 3 + preserved_fds on but `kept` (ascending, -1 is nothing), which close on exec.
Outcome close_descriptors(const ProcessPlan &plan, std::span<const int> kept);
// After reset_signals() of signals.h; returns only when execve(2) failed.
Outcome execute(const ProcessPlan &plan, const ProgramPath &program);

} // namespace ballast::isolate
