// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/process.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/quote.h"
#include "runtime/isolate/affinity.h"
#include "runtime/isolate/capabilities.h"
#include "runtime/isolate/descriptors.h"
#include "runtime/isolate/io_priority.h"
#include "runtime/isolate/keyring.h"
#include "runtime/isolate/labels.h"
#include "runtime/isolate/memory_policy.h"
#include "runtime/isolate/oom_score.h"
#include "runtime/isolate/personality.h"
#include "runtime/isolate/rlimits.h"
#include "runtime/isolate/scheduler.h"
#include "runtime/isolate/signals.h"
#include "runtime/isolate/user.h"
#include "runtime/isolate/working_directory.h"

namespace ballast::isolate {
namespace {

// setgroups(2): NGROUPS_MAX.
constexpr std::size_t kMostGroups = 65536;
constexpr mode_t kDefaultUmask = 0022;
constexpr std::uint32_t kNoId = UINT32_MAX; // to the kernel: leave the id as it is
constexpr unsigned kFirstDescriptor = 3;

Status check_user(const oci::User &user) {
    if (user.uid == kNoId || user.gid == kNoId) {
        return fail(EINVAL, std::string("process.user.") + (user.uid == kNoId ? "uid" : "gid") + ": " +
                                std::to_string(kNoId) + " is no id");
    }
    if (user.additional_gids.size() > kMostGroups) {
        return fail(EINVAL, "process.user.additionalGids: more than " + std::to_string(kMostGroups));
    }
    for (std::size_t i = 0; i < user.additional_gids.size(); i++) {
        if (user.additional_gids[i] == kNoId) {
            return fail(EINVAL, "process.user.additionalGids[" + std::to_string(i) + "]: " + std::to_string(kNoId) +
                                    " is no id");
        }
    }
    return {};
}

Status plan_limits(const oci::Process &process, ProcessPlan &plan) {
    TRY(check_rlimits(process.rlimits));
    plan.rlimits = process.rlimits;
    if (process.oom_score_adj) {
        plan.oom_score_adj = TRY(plan_oom_score(*process.oom_score_adj));
    }
    if (process.scheduler) {
        TRY(check_scheduler(*process.scheduler));
        plan.scheduler = process.scheduler;
    }
    if (process.io_priority) {
        TRY(check_io_priority(*process.io_priority));
        plan.io_priority = process.io_priority;
    }
    if (process.exec_cpu_affinity && !process.exec_cpu_affinity->final_.empty()) {
        plan.affinity = TRY(parse_cpu_list(process.exec_cpu_affinity->final_).within("process.execCPUAffinity.final"));
    }
    return {};
}

Status plan_kernel_view(const oci::Linux &linux_part, ProcessPlan &plan) {
    plan.personality = linux_part.personality;
    if (linux_part.memory_policy) {
        plan.memory_nodes = TRY(plan_memory_policy(*linux_part.memory_policy));
        plan.memory_policy = linux_part.memory_policy;
    }
    return {};
}

} // namespace

Result<ProcessPlan> plan_process(const oci::Process &process, const oci::Linux *linux_part) {
    ProcessPlan plan;
    if (process.args.empty()) {
        return fail(EINVAL, "process.args: want at least the program to run");
    }
    if (!process.cwd.starts_with('/')) {
        return fail(EINVAL, "process.cwd: want an absolute path, have " + quote(process.cwd));
    }
    plan.cwd = process.cwd;
    TRY(check_user(process.user));
    plan.user = process.user;
    plan.known_capabilities = known_capabilities();
    if (process.capabilities) {
        plan.capabilities = TRY(plan_capabilities(*process.capabilities, plan.known_capabilities));
    }
    plan.no_new_privileges = process.no_new_privileges;
    TRY(plan_limits(process, plan));
    plan.apparmor_profile = TRY(plan_apparmor_profile(process.apparmor_profile));
    TRY(check_selinux_label(process.selinux_label));
    plan.selinux_label = process.selinux_label;
    if (linux_part != nullptr) {
        TRY(plan_kernel_view(*linux_part, plan));
    }
    plan.args = Words(process.args);
    plan.args.freeze();
    plan.env = Words(plan_environment(process.env));
    plan.env.freeze();
    return plan;
}

Outcome apply_labels(const ProcessPlan &plan, BorrowedFd proc) {
    CHECK_STEP(set_apparmor_profile(plan.apparmor_profile, proc));
    return set_selinux_label(plan.selinux_label, proc);
}

Outcome apply_limits(const ProcessPlan &plan, BorrowedFd proc) {
    CHECK_STEP(apply_task_settings(plan, proc));
    return apply_limits_from_outside(plan, proc, 0);
}

Outcome apply_limits_from_outside(const ProcessPlan &plan, BorrowedFd proc, pid_t pid) {
    CHECK_STEP(set_oom_score(plan.oom_score_adj, proc, pid));
    CHECK_STEP(set_scheduler(plan.scheduler, pid));
    CHECK_STEP(set_affinity(plan.affinity, pid));
    CHECK_STEP(set_io_priority(plan.io_priority, pid));
    return set_rlimits(plan.rlimits, pid); // last: they hold for what opens and allocates before them as well
}

Outcome apply_task_settings(const ProcessPlan &plan, BorrowedFd proc) {
    CHECK_STEP(set_memory_policy(plan.memory_policy, plan.memory_nodes));
    CHECK_STEP(set_personality(plan.personality));
    return plan.new_keyring ? join_session_keyring(plan.keyring_name, plan.selinux_label, proc) : done();
}

Outcome enter_working_directory(const ProcessPlan &plan) { return enter_directory(plan.cwd, plan.user); }

// What takes power away comes before what needs it gone, and what needs power before that: the bounding set and the
// groups want capabilities that only root's effective set has, and the change of user clears that set. The permitted
// set lives through the change just long enough for capset(2) to narrow it.
Outcome apply_credentials(const ProcessPlan &plan) {
    umask(plan.user.umask.value_or(kDefaultUmask));
    CHECK_STEP(drop_bounding_set(plan.capabilities.bounding, plan.known_capabilities));
    CHECK_STEP(keep_over_change_of_user());
    CHECK_STEP(set_groups(plan.user, plan.may_set_groups));
    CHECK_STEP(set_ids(plan.user));
    return set_capabilities(plan.capabilities);
}

Outcome apply_no_new_privileges(const ProcessPlan &plan) {
    return !plan.no_new_privileges || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? done()
                                                                                  : failed_at(Step::kNoNewPrivileges);
}

Outcome find_program(const ProcessPlan &plan, ProgramPath &found) {
    return find_executable(plan.args.list().front(), plan.env, found);
}

Outcome close_descriptors(const ProcessPlan &plan, std::span<const int> kept) {
    const unsigned first = kFirstDescriptor + plan.preserved_fds;
    CHECK_STEP(close_all_but(first, kept));
    return close_on_exec_from(first);
}

Outcome execute(const ProcessPlan &plan, const ProgramPath &program) {
    if (!plan.args.frozen() || !plan.env.frozen()) {
        return failed_at(Step::kExecute, -1, EFAULT); // better than a program without its environment
    }
    execve(program.path.data(), plan.args.pointers(), plan.env.pointers());
    return failed_at(Step::kExecute);
}

} // namespace ballast::isolate
