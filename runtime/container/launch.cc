// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/launch.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/container/id_maps.h"
#include "runtime/container/outcome_text.h"

namespace ballast::container {
namespace {

using isolate::done;
using isolate::failed_at;
using isolate::Outcome;
using isolate::Step;

// What only children of the process that does it are in.
constexpr int kForChildren = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME;

pid_t clone_process(std::uint64_t flags, int *pidfd, std::optional<int> cgroup) {
    clone_args arguments{};
    arguments.flags = flags;
    // With CLONE_PARENT the kernel takes the caller's own.
    arguments.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
    if (pidfd != nullptr) {
        arguments.flags |= CLONE_PIDFD;
        arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
    }
    if (cgroup) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<std::uint64_t>(*cgroup);
    }
    return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

[[noreturn]] void end_child(BorrowedFd channel, const Outcome &outcome) {
    (void)write_record(channel, {.message = Message::kFailed, .outcome = outcome}); // nobody else could be told
    _exit(1);
}

Outcome wait_to_continue(BorrowedFd channel) {
    Record record;
    if (!read_record(channel, record) || record.message != Message::kContinue) {
        return failed_at(Step::kSynchronize, -1, errno != 0 ? errno : ECONNRESET);
    }
    return done();
}

Outcome become_root(const LaunchPlan &plan) {
    // The groups of whoever called us are nobody's in there. A map that forbids setgroups(2) says EPERM.
    if (setgroups(0, nullptr) != 0 && errno != EPERM) {
        return failed_at(Step::kUserMapping);
    }
    if (setresgid(plan.root_gid, plan.root_gid, plan.root_gid) != 0 ||
        setresuid(plan.root_uid, plan.root_uid, plan.root_uid) != 0) {
        return failed_at(Step::kUserMapping);
    }
    return done();
}

// A new process before it is anything else. The runtime may have died before this took effect, but then the channel is
// at its end, and every sequence waits there before the program runs.
void bind_to_parent(ChannelEnds &ends) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ends.parent.close();
}

// An IPC namespace is made by root of the user namespace, not by who is nobody there: its message queues' directory
// belongs to whoever makes it.
constexpr std::uint64_t kMadeByRoot = CLONE_NEWIPC;

Outcome settle_user_namespace(const LaunchPlan &plan, BorrowedFd channel) {
    if (plan.namespaces->makes(CLONE_NEWUSER)) {
        if (!write_record(channel, {.message = Message::kWantMappings})) {
            return failed_at(Step::kSynchronize);
        }
        CHECK_STEP(wait_to_continue(channel));
        CHECK_STEP(become_root(plan));
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a change of user clears it
        if (!plan.namespaces->needs_intermediate() && plan.namespaces->makes(CLONE_NEWIPC) &&
            unshare(CLONE_NEWIPC) != 0) {
            return failed_at(Step::kUnshareNamespaces);
        }
    }
    return done();
}

Outcome wait_if_held(const LaunchPlan &plan, BorrowedFd channel) {
    return plan.hold ? wait_to_continue(channel) : done();
}

// Joins what holds for children only, then starts the process that goes on; a child of the runtime's, like this one.
[[noreturn]] void intermediate(const LaunchPlan &plan, std::uint64_t flags, ChannelEnds &ends, ChildMain main,
                               const void *argument) {
    bind_to_parent(ends);
    if (const Outcome user = settle_user_namespace(plan, ends.child); user.failed()) {
        end_child(ends.child, user);
    }
    if (const Outcome join = join_namespaces(*plan.namespaces, kForChildren); join.failed()) {
        end_child(ends.child, join);
    }
    if (plan.namespaces->joins_any(CLONE_NEWUSER)) {
        if (const Outcome root = become_root(plan); root.failed()) {
            end_child(ends.child, root);
        }
    }
    if (const Outcome clocks = shift_clocks(*plan.namespaces, BorrowedFd(plan.proc)); clocks.failed()) {
        end_child(ends.child, clocks);
    }
    const pid_t pid = clone_process(flags | CLONE_PARENT, nullptr, std::nullopt);
    if (pid < 0) {
        end_child(ends.child, failed_at(Step::kClone));
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        // The channel is one, and what it says must not come before kSpawned.
        Outcome held = wait_to_continue(ends.child);
        if (!held.failed()) {
            held = wait_if_held(plan, ends.child);
        }
        end_child(ends.child, held.failed() ? held : main(argument, ends.child));
    }
    (void)write_record(ends.child, {.message = Message::kSpawned, .value = pid}); // an unheard pid: the runtime is gone
    _exit(0);
}

Status kill_and_reap(pid_t pid) {
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    return {};
}

} // namespace

Result<Launched> launch(const LaunchPlan &plan, ChildMain main, const void *argument) {
    ChannelEnds ends = TRY(make_channel());
    const bool between = plan.namespaces->needs_intermediate();
    std::uint64_t flags = plan.namespaces->new_flags;
    std::uint64_t first = plan.namespaces->makes(CLONE_NEWUSER) ? flags & ~kMadeByRoot : flags;
    if (between) {
        first = flags & CLONE_NEWUSER;
        flags &= ~static_cast<std::uint64_t>(CLONE_NEWUSER);
        if (!plan.namespaces->time_offsets.empty()) {
            flags &= ~static_cast<std::uint64_t>(CLONE_NEWTIME); // shift_clocks() makes it
        }
    }
    int pidfd = -1;
    const pid_t pid = clone_process(first, &pidfd, plan.cgroup);
    if (pid < 0) {
        return fail_errno("start the container's first process");
    }
    if (pid == 0) {
        if (between) {
            intermediate(plan, flags, ends, main, argument);
        }
        bind_to_parent(ends);
        if (const Outcome user = settle_user_namespace(plan, ends.child); user.failed()) {
            end_child(ends.child, user);
        }
        const Outcome held = wait_if_held(plan, ends.child);
        end_child(ends.child, held.failed() ? held : main(argument, ends.child));
    }
    Launched launched{pid, Fd(pidfd), std::move(ends.parent)};
    ends.child.close();

    bool mapped = !plan.namespaces->makes(CLONE_NEWUSER);
    bool spawned = !between;
    while (!mapped || !spawned) {
        Record record;
        Status step;
        if (!receive_record(launched.channel, record)) {
            step = fail(ECONNRESET, "the container's first process ended before it was set up");
        } else if (record.message == Message::kFailed) {
            step = std::unexpected(launch_error(record.outcome, *plan.namespaces));
        } else if (record.message == Message::kWantMappings) {
            mapped = true;
            step = write_id_maps(BorrowedFd(plan.proc), launched.pid, plan.uid_mappings, plan.gid_mappings);
            if (step.has_value() && !send_record(launched.channel, {.message = Message::kContinue})) {
                step = fail_errno("the container's first process");
            }
        } else if (record.message == Message::kSpawned) {
            spawned = true;
            (void)waitpid(launched.pid, nullptr, __WALL); // it has nothing more to say
            launched.pid = record.value;
            launched.pidfd = Fd(static_cast<int>(syscall(SYS_pidfd_open, launched.pid, 0)));
            if (!launched.pidfd.is_open() || !send_record(launched.channel, {.message = Message::kContinue})) {
                step = fail_errno("watch the container's first process");
            }
        }
        if (!step.has_value()) {
            TRY(kill_and_reap(launched.pid));
            return std::unexpected(step.error());
        }
    }
    return launched;
}

} // namespace ballast::container
