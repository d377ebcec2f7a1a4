// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/exec.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_tree.h"
#include "base/quote.h"
#include "runtime/container/console.h"
#include "runtime/container/conversation.h"
#include "runtime/container/id_maps.h"
#include "runtime/container/identity.h"
#include "runtime/container/init.h"
#include "runtime/container/launch.h"
#include "runtime/container/other_namespaces.h"
#include "runtime/container/outcome_text.h"
#include "runtime/container/saved_spec.h"
#include "runtime/isolate/affinity.h"
#include "runtime/isolate/standard_streams.h"
#include "runtime/oci/spec_reader.h"

namespace ballast::container {
namespace {

Result<std::uint32_t> id_number(const std::string &text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // The highest is (uid_t)-1, which system calls read as "leave as it is".
    if (error != std::errc{} || end != text.data() + text.size() || number == UINT32_MAX) {
        return fail(EINVAL, "--user: want UID[:GID] as numbers, have " + quote(text));
    }
    return number;
}

void set_variable(std::vector<std::string> &env, const std::string &entry) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    const auto old = std::ranges::find_if(env, [&name](const std::string &one) { return one.starts_with(name); });
    if (old != env.end() && !name.empty()) {
        *old = entry;
    } else {
        env.push_back(entry);
    }
}

// The process that the options describe, on top of the container's own.
Result<oci::Process> wanted_process(const ExecOptions &options, const oci::Process &own) {
    if (!options.process.empty()) {
        return oci::parse_process(TRY(read_file(options.process, kLargestJson)), options.process.string());
    }
    oci::Process process = own;
    process.args = options.args;
    process.terminal = options.terminal;
    process.console_size.reset();
    if (process.args.empty()) {
        return fail(EINVAL, "exec needs a command, or --process FILE");
    }
    if (options.cwd) {
        if (!options.cwd->starts_with('/')) {
            return fail(EINVAL, "--cwd: want an absolute path, have " + quote(*options.cwd));
        }
        process.cwd = *options.cwd;
    }
    if (options.user) {
        const std::size_t colon = options.user->find(':');
        process.user.uid = TRY(id_number(options.user->substr(0, colon)));
        if (colon != std::string::npos) {
            process.user.gid = TRY(id_number(options.user->substr(colon + 1)));
        }
    }
    process.user.additional_gids.insert(process.user.additional_gids.end(), options.additional_gids.begin(),
                                        options.additional_gids.end());
    for (const std::string &entry : options.env) {
        set_variable(process.env, entry);
    }
    if (!options.capabilities.empty() && !process.capabilities) {
        process.capabilities.emplace();
    }
    for (const std::string &name : options.capabilities) {
        const std::optional<int> number = oci::capability_number(name);
        if (!number) {
            return fail(EINVAL, "--cap: unknown capability " + quote(name));
        }
        const std::uint64_t bit = 1ULL << static_cast<unsigned>(*number);
        for (std::uint64_t oci::Capabilities::*set :
             {&oci::Capabilities::bounding, &oci::Capabilities::effective, &oci::Capabilities::permitted}) {
            (*process.capabilities).*set |= bit;
        }
    }
    if (options.apparmor) {
        process.apparmor_profile = *options.apparmor;
    }
    if (options.selinux_label) {
        process.selinux_label = *options.selinux_label;
    }
    process.no_new_privileges = options.no_new_privileges; // of this process, as with other runtimes
    return process;
}

Result<isolate::NamespacePlan> namespaces_of(BorrowedFd pidfd, const State &state) {
    isolate::NamespacePlan plan;
    // Our own mount namespace is joined, too, where the container's root is another directory of it.
    const int root = state.covered_mount ? CLONE_NEWNS : 0;
    if (const int flags = TRY(other_namespaces(pidfd)) | root; flags != 0) {
        Fd target(fcntl(pidfd.get(), F_DUPFD_CLOEXEC, 3));
        plan.joins.push_back({.flag = flags, .name = "container's", .path = {}, .fd = std::move(target)});
        if ((flags & CLONE_NEWNS) != 0) {
            plan.joins.back().root = TRY(root_of(pidfd));
        }
    }
    return plan;
}

struct Joining {
    const Settings *settings = nullptr;
    const ExecOptions *options = nullptr;
    State state;
    oci::Spec spec;
    oci::Process process;
    ExecPlan plan;
    Fd first_process, proc, console, master, sub_cgroup;
    std::optional<isolate::Cgroup> cgroup;
    Launched launched;
    bool whole = false;

    Joining(const Settings &the_settings, const ExecOptions &the_options)
        : settings(&the_settings), options(&the_options) {}
    Joining(const Joining &) = delete;
    Joining &operator=(const Joining &) = delete;
    ~Joining() {
        if (!whole && launched.pid > 0) {
            kill(launched.pid, SIGKILL);
            while (waitpid(launched.pid, nullptr, __WALL) < 0 && errno == EINTR) {
            }
        }
    }
};

Status find_container(Joining &joining) {
    const ExecOptions &options = *joining.options;
    const ContainerDir directory = TRY(ContainerDir::open(joining.settings->root, options.id, false));
    joining.state = TRY(directory.load());
    const Phase phase = TRY(phase_of(joining.state, directory, &joining.first_process));
    if (phase == Phase::kPaused && !options.ignore_paused) {
        return fail(EINVAL, "cannot exec in container " + quote(options.id) + ": it is paused; --ignore-paused waits");
    }
    if (phase != Phase::kRunning && phase != Phase::kCreated && phase != Phase::kPaused) {
        return fail(EINVAL, "cannot exec in container " + quote(options.id) + ": it is " + phase_name(phase));
    }
    joining.spec = TRY(load_spec(directory));
    if (!joining.spec.process) {
        return fail(EINVAL, "the container's config.json has no process");
    }
    joining.process = TRY(wanted_process(options, *joining.spec.process));
    if (joining.process.terminal && options.detach && options.console_socket.empty()) {
        return fail(EINVAL, "a detached process with a terminal needs --console-socket");
    }
    if (!joining.process.terminal && !options.console_socket.empty()) {
        return fail(EINVAL, "--console-socket is given without a terminal");
    }
    return {};
}

Status plan_process_of(Joining &joining) {
    const ExecOptions &options = *joining.options;
    ExecPlan &plan = joining.plan;
    joining.proc = TRY(open_host_proc());
    plan.proc = joining.proc.get();
    plan.namespaces = TRY(namespaces_of(joining.first_process, joining.state));
    plan.process = TRY(isolate::plan_process(joining.process, &joining.spec.linux_));
    if (plan.process.affinity.empty()) {
        plan.process.affinity = isolate::all_processors();
    }
    plan.process.may_set_groups = may_set_groups(joining.spec.linux_);
    plan.process.new_keyring = options.new_keyring;
    plan.process.keyring_name = "_ses." + options.id;
    plan.process.preserved_fds = options.preserve_fds;
    const Fd root(openat(joining.proc.get(), (std::to_string(joining.state.pid) + "/root").c_str(),
                         O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (root.is_open()) {
        TRY(set_home(plan.process, root));
    }
    if (joining.spec.linux_.seccomp) {
        plan.seccomp = TRY(isolate::seccomp_program(*joining.spec.linux_.seccomp, joining.settings->root / "~seccomp"));
    }
    plan.terminal = joining.process.terminal;
    plan.console_size = joining.process.console_size;
    plan.outside_limits = plan.namespaces.joins_any(CLONE_NEWUSER);
    if (!options.console_socket.empty()) {
        joining.console = TRY(connect_console(options.console_socket));
    }
    joining.cgroup = TRY(isolate::Cgroup::open(joining.state.cgroup, joining.settings->rootless));
    if (!options.cgroup.empty()) {
        joining.sub_cgroup = TRY(joining.cgroup->sub_cgroup(options.cgroup).within("--cgroup"));
    }
    return {};
}

LaunchPlan launch_plan(Joining &joining) {
    const oci::Linux &linux_part = joining.spec.linux_;
    return {.namespaces = &joining.plan.namespaces,
            .cgroup =
                joining.sub_cgroup.is_open() ? std::optional(joining.sub_cgroup.get()) : joining.cgroup->clone_into(),
            .uid_mappings = {},
            .gid_mappings = {},
            .root_uid = first_mapped(linux_part.uid_mappings),
            .root_gid = first_mapped(linux_part.gid_mappings),
            .hold = joining.plan.outside_limits,
            .proc = joining.proc.get()};
}

Status start_further_process(Joining &joining) {
    const auto &affinity = joining.process.exec_cpu_affinity;
    if (affinity && !affinity->initial.empty()) { // inherited, so that not even the way in runs elsewhere
        const isolate::Outcome set = isolate::set_affinity(TRY(isolate::parse_cpu_list(affinity->initial)), 0);
        if (set.failed()) {
            return fail_errno("process.execCPUAffinity.initial", set.code);
        }
    }
    Result<Launched> launched = launch(launch_plan(joining), container_exec, &joining.plan);
    if (!launched.has_value() && launched.error().code == EBUSY && !joining.sub_cgroup.is_open()) {
        // The container handed controllers down: its cgroup takes no processes itself any more.
        joining.sub_cgroup = TRY(isolate::Cgroup::directory_of(joining.state.pid));
        launched = launch(launch_plan(joining), container_exec, &joining.plan);
    }
    joining.launched = TRY(std::move(launched));
    if (joining.plan.outside_limits) {
        const isolate::Outcome limits =
            apply_limits_from_outside(joining.plan.process, joining.proc, joining.launched.pid);
        if (limits.failed()) {
            return std::unexpected(outcome_error(limits, joining.plan.namespaces, joining.plan.process, nullptr));
        }
        if (!joining.plan.terminal) {
            const oci::User &user = joining.plan.process.user;
            isolate::give_mapped_standard_streams(user.uid, user.gid, joining.proc, joining.launched.pid);
        }
        TRY(continue_process(joining.launched.channel));
    }
    return {};
}

Result<bool> accompany(Joining &joining) {
    return converse(joining.launched.channel,
                    {.describe =
                         [&joining](const isolate::Outcome &outcome) {
                             return outcome_error(outcome, joining.plan.namespaces, joining.plan.process, nullptr);
                         },
                     .mounted = {},
                     .terminal = [&joining](Fd master) -> Status {
                         if (joining.console.is_open()) {
                             return send_console(joining.console, master);
                         }
                         take_terminal_size(master);
                         joining.master = std::move(master);
                         return {};
                     },
                     .listener =
                         [&joining](Fd listener) {
                             return isolate::send_seccomp_listener(
                                 listener, joining.spec.linux_.seccomp->listener_path,
                                 seccomp_process_state(joining.state, Phase::kRunning, joining.launched.pid,
                                                       joining.spec.linux_.seccomp->listener_metadata));
                         }});
}

} // namespace

Result<int> exec(const Settings &settings, const ExecOptions &options) {
    if (!options.detach) {
        hold_signals();
    }
    Joining joining(settings, options);
    TRY(find_container(joining));
    TRY(plan_process_of(joining));
    TRY(start_further_process(joining));
    if (!TRY(accompany(joining))) {
        return fail(ECONNRESET, "the process was killed before it was ready");
    }
    if (!options.pid_file.empty()) {
        TRY(write_pid_file(options.pid_file, joining.launched.pid));
    }
    TRY(continue_process(joining.launched.channel));
    (void)TRY(accompany(joining)); // until the channel is at its end: the program runs
    joining.whole = true;
    if (options.detach) {
        return 0;
    }
    return stay_with(joining.launched.pid, joining.launched.pidfd, std::move(joining.master));
}

} // namespace ballast::container
