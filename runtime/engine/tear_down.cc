// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/subprocess.h"
#include "runtime/engine/core.h"
#include "runtime/engine/image_mounts.h"
#include "runtime/engine/log_plan.h"
#include "runtime/engine/names.h"
#include "runtime/network/namespace.h"

// What a running container has beside its processes: how it comes, and how it goes.
namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s; // of a monitor's answer
constexpr int kAttempts = 3;
constexpr int kKilled = 128 + SIGKILL; // the status of a program that somebody killed

// Whether a call that was killed may be made again: it asks, or does what may have been done already.
bool is_repeatable(const std::string &verb) { return verb == "state" || verb == "delete" || verb == "update"; }

Texts runtime_command(const Settings &settings) { // a verb follows
    return {settings.program(settings.oci_program, "ballast-oci"), "--root", settings.run_root / "oci",
            "--cgroup-manager", settings.cgroups ? "cgroupfs" : "disabled"};
}

} // namespace

Result<std::string> Engine::Core::oci(const std::vector<std::string> &words, const std::string &input) const {
    Command command{.arguments = runtime_command(settings()), .input = input, .timeout = 60s};
    command.arguments.insert(command.arguments.end(), words.begin(), words.end());
    Completed done = TRY(run(command));
    for (int attempt = 1; done.status == kKilled && is_repeatable(words.front()) && attempt < kAttempts; attempt++) {
        done = TRY(run(command));
    }
    if (done.status != 0) {
        std::string said = done.errors.substr(0, done.errors.find_last_not_of('\n') + 1);
        constexpr std::string_view kName = "ballast-oci: ";
        if (said.starts_with(kName)) {
            said.erase(0, kName.size());
        }
        return fail(EIO, escaped(said));
    }
    return done.output;
}

Result<monitor::Settings> Engine::Core::monitor_settings(const Snapshot &container) const {
    const Paths path = paths(container.id);
    const Settings now = settings();
    monitor::Settings plan;
    plan.container_id = container.id;
    plan.socket = path.socket;
    plan.exit_record = path.exit;
    if (now.cgroups) {
        const fs::path cgroup = TRY(cgroup_of(container));
        plan.cgroup = cgroup.parent_path();
        plan.container_cgroup = cgroup;
    }
    plan.runtime = runtime_command(now);
    plan.bundle = path.bundle;
    plan.pid_file = path.run / "pid";
    plan.terminal = container.config.tty;
    plan.open_input = container.config.open_stdin;
    plan.input_once = container.config.stdin_once;
    plan.rows = container.host.console_height;
    plan.columns = container.host.console_width;
    const std::string &stop_signal = container.config.stop_signal;
    plan.stop_signal = static_cast<std::uint8_t>(stop_signal.empty() ? SIGTERM : TRY(signal_number(stop_signal)));
    plan.stop_seconds = container.config.stop_timeout.value_or(now.stop_timeout);
    plan.log = TRY(log_settings(container));
    return plan;
}

Result<image::Snapshot> Engine::Core::snapshot_of(const Container &container) const {
    image::Snapshot snapshot;
    const image::Digest image = TRY(image::Digest::parse(container.data.image_id));
    snapshot.lower = TRY(images.lower_directories(image));
    const Paths path = paths(container.id);
    snapshot.upper = path.disk / "upper";
    snapshot.work = path.disk / "work";
    return snapshot;
}

Result<IdMappings> Engine::Core::ids_of(const Snapshot &container) {
    if (container.pod.is_container()) {
        return TRY(find(container.pod.sandbox))->snapshot().ids;
    }
    if (container.pod.is_sandbox()) {
        return container.ids;
    }
    return container.host.userns_mode == "host" ? IdMappings() : remapped;
}

Status Engine::Core::mount_rootfs(Container &container, const std::shared_ptr<const image::Users> &users) {
    const Paths path = paths(container.id);
    if (container.data.pod.is_sandbox()) {
        TRY(make_directories(path.rootfs, 0755)); // its program is mounted there, and there is nothing else
        const image::Owner owner = users == nullptr ? image::Owner() : users->root;
        return chown(path.rootfs.c_str(), owner.first, owner.second) == 0 ? Status()
                                                                          : fail_errno("chown " + path.rootfs.string());
    }
    TRY(make_directories(path.rootfs, 0700));
    TRY(image::unmount_snapshot(path.rootfs)); // of a life that ended badly
    image::Snapshot snapshot = TRY(snapshot_of(container));
    snapshot.users = users;
    TRY(image::make_writable_directories(snapshot, path.disk));
    return image::mount_snapshot(snapshot, path.rootfs).within("error creating overlay mount");
}

void Engine::Core::unmount_rootfs(Container &container) {
    unmount_images(paths(container.id).run / "images");
    if (const Status gone = image::unmount_snapshot(paths(container.id).rootfs); !gone) {
        log::warning(gone.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
}

void Engine::Core::end_making(Container &container, const std::string &verb, const std::string &argument) {
    end_calls(container, verb, argument);
    collect_orphans();
}

void Engine::Core::end_starting(Container &container) {
    const bool terminal = container.snapshot().config.tty;
    for (const char *verb : terminal ? std::vector{"create", "start"} : std::vector{"run"}) {
        end_calls(container, verb, container.id);
    }
}

void Engine::Core::end_calls(const Container &container, const std::string &verb, const std::string &argument) const {
    const Settings now = settings();
    if (const Status ended = end_runtime_calls(now.program(now.oci_program, "ballast-oci"), verb, argument); !ended) {
        log::warning(ended.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
}

// Everything that a running container has beside its processes. Does not fail: what stays is removed at the next start.
void Engine::Core::tear_down(Container &container) {
    const Paths path = paths(container.id);
    const Result<std::string> deleted = oci({"delete", "--force", container.id});
    if (!deleted && !deleted.error().message.contains("not exist")) {
        log::warning("delete: " + deleted.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
    unmount_rootfs(container);
    (void)umount2((path.run / "shm").c_str(), MNT_DETACH); // EINVAL: it has none
    network::drop_namespace(path.user_namespace);
    std::set<std::string> used;
    {
        const std::scoped_lock lock(container.mutex);
        used.swap(container.used_volumes);
        orphans.release(container.data.state.pid);
        for (const auto &[id, exec] : container.execs) {
            orphans.release(exec->running ? exec->pid : 0);
        }
        container.control.reset();
        container.process.reset();
        container.awaited_pid = 0;
        container.own_end.reset();
        container.kept.clear();
        container.execs.clear();
    }
    for (const std::string &name : used) {
        volumes->release(name);
        events.publish({.type = "volume",
                        .action = "unmount",
                        .actor = name,
                        .attributes = {{"container", container.id}, {"driver", "local"}},
                        .time = kNever});
    }
    const Settings now = settings();
    for (int role = 0; now.forget_descriptor && role <= static_cast<int>(last_of(monitor::Role{})); role++) {
        now.forget_descriptor(container.id + "-" + std::to_string(role)); // those that it never had are no error
    }
    if (container.snapshot().pod.network) {
        if (const Status gone = pod_network->detach(container.id, pod_namespace(container.id)); !gone) {
            log::warning(gone.error().message + ", trying again later", {{"CONTAINER_ID", short_id(container.id)}});
        }
    }
    close_names(container.id);
    if (const std::optional<network::Sandbox> sandbox = networks->sandbox(container.id)) {
        networks->release(container.id);
        if (!sandbox->ports.empty()) {
            publish_rest_on_loopback();
        }
        network_events(container.snapshot(), *sandbox, "disconnect");
    }
    (void)unlink(path.socket.c_str()); // its monitor has, when it ended well
    if (const Status gone = remove_tree(path.run); !gone) {
        log::warning(gone.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
}

Status Engine::Core::take_descriptors(Container &container) {
    std::shared_ptr<monitor::Connection> control;
    {
        const std::scoped_lock lock(container.mutex);
        control = container.control;
    }
    if (control == nullptr) {
        return fail(ENOENT, "its monitor is gone");
    }
    const std::scoped_lock lock(container.control_mutex);
    return take_descriptors(container, *control);
}

Status Engine::Core::take_descriptors(Container &container, monitor::Connection &control) {
    std::vector<monitor::Connection::HandedOver> handed = TRY(control.hand_over(kPatience));
    const std::scoped_lock lock(container.mutex);
    for (monitor::Connection::HandedOver &one : handed) {
        if (one.what.session != 0 || container.kept.contains(one.what.role)) {
            continue;
        }
        const Config &config = container.data.config;
        if (one.what.role == monitor::Role::kInput && config.stdin_once && !config.tty) {
            continue; // the program would never see the end of its input while we have it open as well
        }
        keep(container, one.what.role, std::make_shared<Fd>(std::move(one.fd)));
    }
    return {};
}

void Engine::Core::keep(Container &container, monitor::Role role, std::shared_ptr<Fd> fd) {
    if (const Settings now = settings(); now.keep_descriptor) {
        now.keep_descriptor(container.id + "-" + std::to_string(static_cast<int>(role)), *fd);
    }
    if (role == monitor::Role::kProcess) {
        container.process = fd;
    }
    container.kept[role] = std::move(fd);
}

} // namespace ballast::engine
