// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/create.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_tree.h"
#include "base/quote.h"
#include "base/rollback.h"
#include "base/timestamp.h"
#include "runtime/container/console.h"
#include "runtime/container/conversation.h"
#include "runtime/container/delete.h"
#include "runtime/container/hooks.h"
#include "runtime/container/id_maps.h"
#include "runtime/container/identity.h"
#include "runtime/container/init.h"
#include "runtime/container/launch.h"
#include "runtime/container/listen_fds.h"
#include "runtime/container/notify_socket.h"
#include "runtime/container/outcome_text.h"
#include "runtime/container/root_mount.h"
#include "runtime/container/saved_spec.h"
#include "runtime/container/start_socket.h"
#include "runtime/isolate/affinity.h"
#include "runtime/isolate/intel_rdt.h"
#include "runtime/isolate/labels.h"
#include "runtime/isolate/net_devices.h"
#include "runtime/isolate/standard_streams.h"
#include "runtime/oci/spec_reader.h"

namespace ballast::container {
namespace {

namespace fs = std::filesystem;

// A container that is being made: what `create` and `run` hand from step to step.
struct Making {
    const Settings *settings = nullptr;
    const CreateOptions *options = nullptr;
    std::string spec_text;
    oci::Spec spec;
    InitPlan plan;
    State state;
    std::optional<ContainerDir> directory;
    std::optional<isolate::Cgroup> cgroup;
    std::optional<isolate::RdtPlan> rdt;
    Fd console, proc, init_lock, start_socket, master;
    Launched process;
    unsigned listen_fds = 0;
    bool has_process = true;
    bool hooks_ran = false;
    bool whole = false;

    explicit Making(const Settings &the_settings, const CreateOptions &the_options)
        : settings(&the_settings), options(&the_options) {}
    Making(const Making &) = delete;
    Making &operator=(const Making &) = delete;
    ~Making();
};

// Undoes what was made, the last first. Nothing in here can be told to anybody: the reason for it is being told.
Making::~Making() {
    if (whole) {
        return;
    }
    if (process.pid > 0) {
        kill(process.pid, SIGKILL);
        while (waitpid(process.pid, nullptr, __WALL) < 0 && errno == EINTR) {
        }
    }
    if (cgroup) {
        (void)cgroup->remove();
    }
    if (state.rdt) {
        (void)isolate::remove_rdt(*state.rdt);
    }
    if (hooks_ran) {
        (void)run_hooks("poststop", spec.hooks.poststop, oci_state(state, Phase::kStopped, 0));
    }
    if (directory) {
        (void)directory->remove();
    }
}

Status read_bundle(Making &making) {
    const CreateOptions &options = *making.options;
    std::error_code error;
    const fs::path bundle = fs::canonical(options.bundle, error);
    if (error) {
        return fail_errno("bundle " + quote(options.bundle.string()), error.value());
    }
    const fs::path file = options.config.empty() ? bundle / "config.json" : options.config;
    making.spec_text = TRY(read_file(file, kLargestJson));
    making.spec = TRY(oci::parse_spec(making.spec_text, file.filename().string()));
    making.has_process = making.spec.process.has_value();
    if (!making.has_process) {
        making.spec.process.emplace(); // never run
        making.spec.process->cwd = "/";
        making.spec.process->args = {"/"};
    }
    if (making.spec.process->terminal && options.console_socket.empty() && options.detach) {
        return fail(EINVAL, "process.terminal is set: a detached container needs --console-socket");
    }
    if (!making.spec.process->terminal && !options.console_socket.empty()) {
        return fail(EINVAL, "--console-socket is given, but process.terminal is not set");
    }
    making.state.bundle = bundle.string();
    making.state.notify_socket = caller_notify_socket();
    if (!making.state.notify_socket.empty()) {
        add_notify(making.spec, making.state.notify_socket, notify_directory(making.settings->root, options.id));
    }
    making.listen_fds = pass_listen_fds(*making.spec.process);
    for (const std::string &warning : making.spec.warnings) {
        making.settings->warn(warning);
    }
    std::string &label = making.spec.linux_.mount_label;
    if (!label.empty() && !isolate::selinux_is_on()) {
        making.settings->warn("linux.mountLabel: " + quote(label) + " is asked for, but SELinux is not on, ignoring");
        label.clear();
    }
    return {};
}

// All that can be known before anything is made.
Status plan_container(Making &making) {
    const CreateOptions &options = *making.options;
    const oci::Spec &spec = making.spec;
    InitPlan &plan = making.plan;
    plan.namespaces = isolate::plan_namespaces(spec);
    const bool user_namespace = plan.namespaces.makes(CLONE_NEWUSER) || plan.namespaces.joins_any(CLONE_NEWUSER);
    plan.rootfs = TRY(isolate::plan_rootfs(spec, {.bundle = making.state.bundle,
                                                  .pivot = options.pivot,
                                                  .new_user_namespace = user_namespace,
                                                  .new_cgroup_namespace = plan.namespaces.new_cgroup,
                                                  .terminal = spec.process->terminal}));
    plan.process = TRY(isolate::plan_process(*spec.process, &spec.linux_));
    if (!making.has_process) {
        plan.process.args = {};
    }
    plan.process.affinity = isolate::all_processors(); // not the runtime's own; execCPUAffinity is of further processes
    plan.process.may_set_groups = may_set_groups(spec.linux_);
    plan.process.new_keyring = options.new_keyring;
    plan.process.keyring_name = "_ses." + options.id;
    plan.process.preserved_fds = options.preserve_fds + making.listen_fds;
    if (const Result<Fd> root = open_file(plan.rootfs.root, O_PATH | O_DIRECTORY); root.has_value()) {
        TRY(set_home(plan.process, *root)); // a root that is not there is told by who needs it
    }
    if (spec.linux_.seccomp) {
        plan.seccomp = TRY(isolate::seccomp_program(*spec.linux_.seccomp, making.settings->root / "~seccomp"));
    }
    if (spec.linux_.intel_rdt) {
        making.rdt = TRY(isolate::plan_rdt(*spec.linux_.intel_rdt, options.id));
    }
    plan.terminal = spec.process->terminal;
    plan.console_size = spec.process->console_size;
    plan.outside_limits = user_namespace;
    plan.hooks_before_pivot =
        !spec.hooks.prestart.empty() || !spec.hooks.create_runtime.empty() || !spec.hooks.create_container.empty();
    TRY(isolate::open_namespaces(plan.namespaces));
    if (!options.console_socket.empty()) {
        making.console = TRY(connect_console(options.console_socket));
    }
    making.proc = TRY(open_host_proc());
    plan.proc = making.proc.get();
    return {};
}

State first_record(const Making &making) {
    State state = making.state;
    state.id = making.options->id;
    state.oci_version = making.spec.version;
    state.rootfs = making.plan.rootfs.root.lexically_normal().string();
    if (state.rootfs.ends_with('/') && state.rootfs.size() > 1) {
        state.rootfs.pop_back();
    }
    state.created = timestamp_now();
    state.owner = user_name(geteuid());
    state.own_pid_namespace = making.plan.namespaces.makes(CLONE_NEWPID);
    state.annotations = making.spec.annotations;
    state.has_process = making.has_process;
    if (making.plan.rootfs.shares_mounts) {
        state.covered_mount = mount_of(state.rootfs);
    }
    const oci::Hooks &hooks = making.spec.hooks;
    for (const auto &[kind, list] : {std::pair("startContainer", &hooks.start_container),
                                     {"poststart", &hooks.poststart},
                                     {"poststop", &hooks.poststop}}) {
        if (!list->empty()) {
            state.hooks.emplace_back(kind);
        }
    }
    return state;
}

Status make_directory(Making &making, bool waits_for_start) {
    making.directory = TRY(ContainerDir::make(making.settings->root, making.options->id));
    making.state = first_record(making);
    const isolate::CgroupRequest request{.manager = making.settings->cgroup_manager,
                                         .id = making.options->id,
                                         .cgroups_path = making.spec.linux_.cgroups_path,
                                         .rootless = making.settings->rootless,
                                         .annotations = making.spec.annotations};
    // Written before the cgroup is made: whoever cleans up after us has to find it.
    making.state.cgroup = TRY(isolate::Cgroup::place_of(request));
    const fs::path &path = making.directory->path();
    making.init_lock = TRY(open_file(path / "init.lock", O_RDWR | O_CREAT | O_EXCL, 0600));
    if (flock(making.init_lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail_errno("lock " + (path / "init.lock").string());
    }
    making.plan.init_lock = making.init_lock.get();
    TRY(write_file(path / "config.json", making.spec_text, 0600));
    if (!making.state.notify_socket.empty()) {
        TRY(NotifySocket::make_directory(*making.directory));
    }
    TRY(making.directory->store(making.state));
    making.cgroup = TRY(isolate::Cgroup::create(request, making.spec.linux_.resources));
    for (const std::string &path_of_setting : making.cgroup->ignored()) {
        making.settings->warn(path_of_setting + " means nothing with cgroup v2, ignoring");
    }
    if (waits_for_start) {
        making.start_socket = TRY(listen_for_start(*making.directory));
        making.plan.listener = making.start_socket.get();
    }
    return {};
}

Error error_of(const isolate::Outcome &outcome, const Making &making) {
    return outcome_error(outcome, making.plan.namespaces, making.plan.process, &making.plan.rootfs);
}

// A container that is root of user and cgroup namespaces of its own and sees a writable cgroup file system may divide
// its cgroup further: its files belong to it then.
bool gives_cgroup_away(const Making &making) {
    const isolate::NamespacePlan &namespaces = making.plan.namespaces;
    if (!namespaces.makes(CLONE_NEWUSER) || !namespaces.new_cgroup || making.spec.linux_.uid_mappings.empty() ||
        making.cgroup->place().manager == isolate::CgroupManager::kDisabled) {
        return false;
    }
    return std::ranges::any_of(making.spec.mounts, [](const oci::Mount &mount) {
        return (mount.type == "cgroup" || mount.type == "cgroup2") && !std::ranges::contains(mount.options, "ro");
    });
}

// What is done to the process from outside while it waits.
Status prepare_process(Making &making) {
    const pid_t pid = making.process.pid;
    TRY(making.cgroup->adopt(pid));
    if (gives_cgroup_away(making)) {
        const auto &uids = making.spec.linux_.uid_mappings;
        const auto &gids = making.spec.linux_.gid_mappings;
        TRY(making.cgroup->delegate_to(host_id(uids, first_mapped(uids)), host_id(gids, first_mapped(gids))));
    }
    if (making.rdt) {
        making.state.rdt = TRY(isolate::enter_rdt(*making.rdt, pid));
    }
    if (making.plan.outside_limits) {
        const isolate::Outcome limits = apply_limits_from_outside(making.plan.process, making.proc, pid);
        if (limits.failed()) {
            return std::unexpected(error_of(limits, making));
        }
        if (!making.plan.terminal) {
            const oci::User &user = making.plan.process.user;
            isolate::give_mapped_standard_streams(user.uid, user.gid, making.proc, pid);
        }
    }
    return isolate::move_net_devices(making.spec.linux_.net_devices, pid);
}

Status start_process(Making &making) {
    const oci::Linux &linux_part = making.spec.linux_;
    TRY(isolate::prepare_sources(making.plan.rootfs));
    const bool hold =
        (!making.cgroup->clone_into() && making.settings->cgroup_manager != isolate::CgroupManager::kDisabled) ||
        making.rdt.has_value() || making.plan.outside_limits || !linux_part.net_devices.empty();
    making.process = TRY(launch({.namespaces = &making.plan.namespaces,
                                 .cgroup = making.cgroup->clone_into(),
                                 .uid_mappings = linux_part.uid_mappings,
                                 .gid_mappings = linux_part.gid_mappings,
                                 .root_uid = first_mapped(linux_part.uid_mappings),
                                 .root_gid = first_mapped(linux_part.gid_mappings),
                                 .hold = hold,
                                 .proc = making.proc.get()},
                                container_init, &making.plan));
    // Its own copies serve the process; ours would keep the lock held and the socket open.
    making.init_lock.close();
    making.start_socket.close();
    if (hold) {
        TRY(prepare_process(making));
        TRY(continue_process(making.process.channel));
    }
    // While the process builds its file system, on another processor.
    making.state.pid = making.process.pid;
    making.state.start_time = TRY(process_start(making.process.pid)).time; // it may have failed by now, and says why
    making.state.cgroup = making.cgroup->place(); // systemd tells its path only now
    return making.directory->store(making.state);
}

Status run_early_hooks(Making &making) {
    const oci::Hooks &hooks = making.spec.hooks;
    const std::string state = oci_state(making.state, Phase::kCreating, making.process.pid);
    making.hooks_ran = true;
    go_to_bundle(making.state);
    // The specification has them called by `start`, when a container is created, though all runtimes call them here.
    TRY(run_hooks("prestart", hooks.prestart, oci_state(making.state, Phase::kCreated, making.process.pid)));
    TRY(run_hooks("createRuntime", hooks.create_runtime, state));
    return run_hooks_inside("createContainer", hooks.create_container, state, making.process.pidfd);
}

// Answers the process until it is ready or its channel is at its end, and hands out its terminal.
Result<bool> accompany(Making &making) {
    const Conversation conversation{
        .describe = [&making](const isolate::Outcome &outcome) { return error_of(outcome, making); },
        .mounted = [&making] { return run_early_hooks(making); },
        .terminal = [&making](Fd master) -> Status {
            if (making.console.is_open()) {
                return send_console(making.console, master);
            }
            take_terminal_size(master);
            making.master = std::move(master);
            return {};
        },
        .listener =
            [&making](Fd listener) {
                return isolate::send_seccomp_listener(
                    listener, making.spec.linux_.seccomp->listener_path,
                    seccomp_process_state(making.state, Phase::kCreating, making.process.pid,
                                          making.spec.linux_.seccomp->listener_metadata));
            }};
    return converse(making.process.channel, conversation);
}

Status make_container(Making &making, bool waits_for_start) {
    TRY(check_id(making.options->id));
    TRY(read_bundle(making));
    if (!making.has_process && !waits_for_start) {
        return fail(EINVAL, std::string(kNoProcess));
    }
    TRY(plan_container(making));
    TRY(make_directory(making, waits_for_start));
    TRY(start_process(making));
    if (!TRY(accompany(making))) {
        return fail(ECONNRESET,
                    "the container's process was killed before it was ready; is its memory limit too small?");
    }
    if (!making.options->pid_file.empty()) {
        TRY(write_pid_file(making.options->pid_file, making.process.pid));
    }
    return {};
}

} // namespace

Status create(const Settings &settings, const CreateOptions &options) {
    Making making(settings, options);
    TRY(make_container(making, true));
    TRY(continue_process(making.process.channel));
    making.whole = true;
    return {};
}

Result<int> run(const Settings &settings, const CreateOptions &options) {
    if (!options.detach) {
        hold_signals();
    }
    Making making(settings, options);
    TRY(make_container(making, false));
    go_to_bundle(making.state);
    if (!making.spec.hooks.start_container.empty()) {
        TRY(run_hooks_inside("startContainer", making.spec.hooks.start_container,
                             oci_state(making.state, Phase::kCreated, making.process.pid), making.process.pidfd));
    }
    NotifySocket notify = TRY(NotifySocket::listen(*making.directory, making.state));
    TRY(continue_process(making.process.channel));
    (void)TRY(accompany(making)); // until the channel is at its end: the program runs
    making.whole = true;
    TRY(run_hooks("poststart", making.spec.hooks.poststart,
                  oci_state(making.state, Phase::kRunning, making.process.pid)));
    if (options.detach) {
        TRY(notify.wait(making.process.pidfd));
        return 0;
    }
    const int status =
        TRY(stay_with(making.process.pid, making.process.pidfd, std::move(making.master), std::move(notify)));
    if (!options.keep) {
        TRY(remove_container(making.state, *making.directory, *making.cgroup));
    }
    return status;
}

} // namespace ballast::container
