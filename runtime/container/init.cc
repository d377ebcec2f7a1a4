// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/init.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/isolate/descriptors.h"
#include "runtime/isolate/loopback.h"
#include "runtime/isolate/signals.h"
#include "runtime/isolate/standard_streams.h"
#include "runtime/isolate/terminal.h"

namespace ballast::container {
namespace {

using isolate::done;
using isolate::failed_at;
using isolate::Outcome;
using isolate::Step;
using isolate::Terminal;

Outcome tell(BorrowedFd channel, Message message) {
    return write_record(channel, {.message = message}) ? done() : failed_at(Step::kSynchronize);
}

Outcome wait_to_continue(BorrowedFd channel) {
    Record record;
    if (!read_record(channel, record) || record.message != Message::kContinue) {
        return failed_at(Step::kSynchronize, -1, errno != 0 ? errno : ECONNRESET);
    }
    return done();
}

Outcome load_filter(const isolate::SeccompProgram &seccomp, BorrowedFd channel) {
    if (seccomp.filter.empty()) {
        return done();
    }
    int listener = -1;
    CHECK_STEP(load_seccomp(seccomp, listener));
    if (listener < 0) {
        return done();
    }
    const Fd held(listener);
    if (!send_record(channel, {.message = Message::kListener}, listener)) {
        return failed_at(Step::kSeccompNotify);
    }
    return wait_to_continue(channel);
}

Outcome set_terminal(BorrowedFd root, std::optional<oci::ConsoleSize> size, uid_t uid, Terminal &terminal,
                     BorrowedFd channel) {
    CHECK_STEP(open_terminal(root, size, uid, terminal));
    if (!send_record(channel, {.message = Message::kTerminal}, terminal.master.get())) {
        return failed_at(Step::kTerminalSend);
    }
    terminal.master.close();
    return done();
}

// What the process still needs of the host: to speak with the runtime, and to be started.
struct Kept {
    BorrowedFd channel;
    int init_lock = -1;
    int listener = -1;
};

// Later it may be looked into by others of its pid namespace, so it has nothing of the host open any more but this.
Outcome close_the_rest(const isolate::ProcessPlan &process, const Kept &kept) {
    std::array<int, 3> numbers{kept.channel.get(), kept.init_lock, kept.listener};
    std::ranges::sort(numbers);
    return close_descriptors(process, numbers);
}

// From here on the process is what the specification asks for; what is left is the program.
Outcome become_user(const isolate::ProcessPlan &process, const isolate::SeccompProgram &seccomp, const Kept &kept,
                    isolate::ProgramPath &program) {
    CHECK_STEP(enter_working_directory(process));
    CHECK_STEP(isolate::reset_signals());
    CHECK_STEP(close_the_rest(process, kept));
    isolate::give_standard_streams(process.user.uid, process.user.gid);
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before the capabilities go, and everything that it
    // need not allow before it. With it, it comes as late as it can.
    const bool runs = !process.args.list().empty(); // a container can be created without a program
    if (!process.no_new_privileges) {
        // Root may see what the user may not; then it is execve(2) that says so.
        if (runs) {
            CHECK_STEP(find_program(process, program));
        }
        CHECK_STEP(load_filter(seccomp, kept.channel));
    }
    CHECK_STEP(apply_credentials(process));
    prctl(PR_SET_PDEATHSIG, SIGKILL); // new credentials clear it
    return process.no_new_privileges && runs ? find_program(process, program) : done();
}

Outcome run_program(const isolate::ProcessPlan &process, const isolate::SeccompProgram &seccomp, BorrowedFd channel,
                    const isolate::ProgramPath &program) {
    if (process.no_new_privileges) {
        CHECK_STEP(apply_no_new_privileges(process));
        CHECK_STEP(load_filter(seccomp, channel));
    }
    return execute(process, program);
}

// The runtime may be gone a moment after it answered, and must not take this process with it. When it goes before, the
// channel's end says so.
Outcome report_ready(BorrowedFd channel) {
    prctl(PR_SET_PDEATHSIG, 0);
    CHECK_STEP(tell(channel, Message::kReady));
    return wait_to_continue(channel);
}

// Sleeps until `start` connects and says so. A `start` that dies before that leaves the container as it was.
Outcome wait_for_start(int listener, Fd &starter) {
    for (;;) {
        starter = Fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (!starter.is_open()) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            return failed_at(Step::kSynchronize);
        }
        Record record;
        if (read_record(starter, record) && record.message == Message::kContinue) {
            return done();
        }
    }
}

} // namespace

Outcome container_init(const void *init_plan, BorrowedFd channel) {
    const auto &plan = *static_cast<const InitPlan *>(init_plan);
    const BorrowedFd proc(plan.proc);
    umask(0); // modes of mount points and devices are exact; the user's own is set with the credentials

    CHECK_STEP(
        join_namespaces(plan.namespaces, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNS));
    CHECK_STEP(new_cgroup_namespace(plan.namespaces));
    if (setsid() < 0) {
        return failed_at(Step::kSession);
    }
    CHECK_STEP(set_names(plan.namespaces));
    if (plan.namespaces.makes(CLONE_NEWNET)) {
        CHECK_STEP(isolate::set_loopback_up());
    }
    CHECK_STEP(build_rootfs(plan.rootfs, proc));
    if (plan.hooks_before_pivot) {
        CHECK_STEP(tell(channel, Message::kMounted));
        CHECK_STEP(wait_to_continue(channel));
    }
    CHECK_STEP(enter_rootfs(plan.rootfs));
    if (plan.terminal) {
        const Fd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        Terminal terminal;
        CHECK_STEP(set_terminal(root, plan.console_size, plan.process.user.uid, terminal, channel));
        CHECK_STEP(mount_console(plan.rootfs, terminal.slave));
        CHECK_STEP(isolate::use_terminal(terminal.slave));
    }
    CHECK_STEP(finish_rootfs(plan.rootfs, proc));

    CHECK_STEP(apply_labels(plan.process, proc));
    CHECK_STEP(plan.outside_limits ? apply_task_settings(plan.process, proc) : apply_limits(plan.process, proc));
    isolate::ProgramPath program;
    CHECK_STEP(become_user(plan.process, plan.seccomp, {channel, plan.init_lock, plan.listener}, program));

    CHECK_STEP(report_ready(channel));
    if (plan.listener < 0) {
        return run_program(plan.process, plan.seccomp, channel, program);
    }
    Fd starter;
    CHECK_STEP(wait_for_start(plan.listener, starter));
    const Outcome outcome = run_program(plan.process, plan.seccomp, starter, program);
    (void)write_record(starter, {.message = Message::kFailed, .outcome = outcome}); // `start` may be gone
    _exit(1);
}

Outcome container_exec(const void *exec_plan, BorrowedFd channel) {
    const auto &plan = *static_cast<const ExecPlan *>(exec_plan);
    const BorrowedFd proc(plan.proc);
    if (!plan.namespaces.needs_intermediate()) { // which would have joined all of them, for this process as well
        CHECK_STEP(join_namespaces(plan.namespaces, ~0));
    }
    if (setsid() < 0) {
        return failed_at(Step::kSession);
    }
    if (plan.terminal) {
        const Fd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        Terminal terminal;
        CHECK_STEP(set_terminal(root, plan.console_size, plan.process.user.uid, terminal, channel));
        CHECK_STEP(isolate::use_terminal(terminal.slave));
    }
    CHECK_STEP(apply_labels(plan.process, proc));
    CHECK_STEP(plan.outside_limits ? apply_task_settings(plan.process, proc) : apply_limits(plan.process, proc));
    isolate::ProgramPath program;
    CHECK_STEP(become_user(plan.process, plan.seccomp, {.channel = channel}, program));
    CHECK_STEP(report_ready(channel));
    return run_program(plan.process, plan.seccomp, channel, program);
}

} // namespace ballast::container
