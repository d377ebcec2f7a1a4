// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <future>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/rollback.h"
#include "base/subprocess.h"
#include "runtime/engine/container_files.h"
#include "runtime/engine/core.h"
#include "runtime/engine/health.h"
#include "runtime/engine/names.h"
#include "runtime/engine/network.h"
#include "runtime/engine/prepare.h"
#include "runtime/engine/scope.h"
#include "runtime/log/attributes.h"
#include "runtime/monitor/detach_keys.h"
#include "runtime/monitor/spawn.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s; // of a monitor's answer
constexpr int kDeleteAttempts = 3;
constexpr int kNotFound = 127, kNotExecutable = 126, kNotStarted = 128;
constexpr std::uint64_t kLargestProfile = 4UL << 20;

// "{{.ID}}" and the like in the option `tag`.
std::string resolved_tag(const HostConfig &host, const Snapshot &container) {
    const auto given = host.log_config.config.find("tag");
    std::string tag = given == host.log_config.config.end() || given->second.empty() ? "{{.ID}}" : given->second;
    const std::string image = container.image_id.substr(container.image_id.find(':') + 1);
    const std::pair<const char *, std::string> words[] = {{"{{.ID}}", short_id(container.id)},
                                                          {"{{.FullID}}", container.id},
                                                          {"{{.Name}}", container.name},
                                                          {"{{.ImageID}}", short_id(image)},
                                                          {"{{.ImageFullID}}", container.image_id},
                                                          {"{{.ImageName}}", container.config.image},
                                                          {"{{.DaemonName}}", "docker"}};
    for (const auto &[word, value] : words) {
        for (std::size_t at = tag.find(word); at != std::string::npos; at = tag.find(word, at + value.size())) {
            tag.replace(at, std::string_view(word).size(), value);
        }
    }
    return tag;
}

Result<container_log::WriterSettings> log_settings(const Snapshot &container) {
    const HostConfig &host = container.host;
    container_log::Pairs options(host.log_config.config.begin(), host.log_config.config.end());
    const container_log::Pairs labels(container.config.labels.begin(), container.config.labels.end());
    container_log::Pairs environment;
    for (const std::string &entry : container.config.env) {
        const std::size_t equals = entry.find('=');
        environment.emplace_back(entry.substr(0, equals), equals == std::string::npos ? "" : entry.substr(equals + 1));
    }
    container_log::WriterSettings settings;
    settings.driver = host.log_config.type;
    settings.path = container.log_path;
    settings.attributes = TRY(container_log::log_attributes(options, labels, environment));
    settings.options = TRY(container_log::resolved_options(std::move(options)));
    settings.container_id = container.id;
    settings.container_name = container.name;
    settings.image_name = container.config.image;
    settings.tag = resolved_tag(host, container);
    return settings;
}

Result<std::string> detach_bytes(const std::string &keys) {
    if (keys == "-") {
        return std::string();
    }
    return keys.empty() ? Result<std::string>(std::string(monitor::kDefaultDetachKeys))
                        : monitor::parse_detach_keys(keys);
}

struct Program {
    std::string name = {};
    int code = kNotStarted;
    std::string message = {};
};

// What ballast-oci said, in the words that clients look for to tell 126 and 127 from others.
Program describe_failure(const Snapshot &container, const std::string &said) {
    const Texts words = program_of(container.config);
    Program result{.name = words.empty() ? "" : words.front()};
    const bool missing = said.contains("No such file or directory") || said.contains("Not a directory");
    std::string reason = escaped(said);
    if (said.contains("executable file ") || said.contains("open executable ")) {
        result.code = missing ? kNotFound : kNotExecutable;
        const std::string exec = "unable to start container process: exec: " + quote(result.name) + ": ";
        reason = missing && !result.name.contains('/') ? exec + "executable file not found in $PATH"
                 : missing ? exec + "stat " + escaped(result.name) + ": no such file or directory"
                           : exec + "permission denied (" + escaped(said) + ")";
    }
    result.message =
        "failed to create task for container: failed to create shim task: OCI runtime create failed: " + reason +
        ": unknown";
    return result;
}

Status make_bind_source(const MountPoint &mount) {
    std::error_code error;
    if (mount.type != "bind" || fs::exists(mount.source, error)) {
        return {};
    }
    if (!mount.create_source) {
        return fail(EINVAL, "invalid mount config for type \"bind\": bind source path does not exist: " +
                                escaped(mount.source));
    }
    return make_directories(mount.source, 0755)
        .within("error while creating mount source path '" + escaped(mount.source) + "'");
}

Status write_json(const fs::path &path, const std::string &text) { return write_file(path, text, 0600); }

} // namespace

Result<std::string> Engine::Core::oci(const std::vector<std::string> &words, const std::string &input) const {
    const Settings now = settings();
    Command command{.arguments = {now.program(now.oci_program, "ballast-oci"), "--root", now.run_root / "oci",
                                  "--cgroup-manager", now.cgroups ? "cgroupfs" : "disabled"},
                    .input = input,
                    .timeout = 60s};
    command.arguments.insert(command.arguments.end(), words.begin(), words.end());
    const Completed done = TRY(run(command));
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
    plan.runtime = {now.program(now.oci_program, "ballast-oci"), "--root", now.run_root / "oci", "--cgroup-manager",
                    now.cgroups ? "cgroupfs" : "disabled"};
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

Status Engine::Core::mount_rootfs(Container &container) {
    const Paths path = paths(container.id);
    TRY(make_directories(path.rootfs, 0700));
    TRY(image::unmount_snapshot(path.rootfs)); // of a life that ended badly
    image::Snapshot snapshot = TRY(snapshot_of(container));
    TRY(image::make_writable_directories(snapshot, path.disk));
    return image::mount_snapshot(snapshot, path.rootfs).within("error creating overlay mount");
}

void Engine::Core::unmount_rootfs(Container &container) {
    if (const Status gone = image::unmount_snapshot(paths(container.id).rootfs); !gone) {
        log::warning(gone.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
}

void Engine::Core::end_making(Container &container, const std::string &verb, const std::string &argument) {
    const Settings now = settings();
    if (const Status ended = end_runtime_calls(now.program(now.oci_program, "ballast-oci"), verb, argument); !ended) {
        log::warning(ended.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
    collect_orphans();
}

// Everything that a running container has beside its processes. Does not fail: what stays is removed at the next start.
void Engine::Core::tear_down(Container &container) {
    const Paths path = paths(container.id);
    Result<std::string> deleted = fail(EAGAIN, "delete");
    for (int attempt = 0; attempt < kDeleteAttempts && !deleted; attempt++) { // it may be killed, as everything may
        deleted = oci({"delete", "--force", container.id});
    }
    if (!deleted && !deleted.error().message.contains("not exist")) {
        log::warning("delete: " + deleted.error().message + ", ignoring", {{"CONTAINER_ID", short_id(container.id)}});
    }
    unmount_rootfs(container);
    (void)umount2((path.run / "shm").c_str(), MNT_DETACH); // EINVAL: it has none
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

// Copies of what its monitor holds, so that another can take its place.
Status Engine::Core::take_descriptors(Container &container) {
    std::shared_ptr<monitor::Connection> control;
    {
        const std::scoped_lock lock(container.mutex);
        control = container.control;
    }
    if (control == nullptr) {
        return fail(ENOENT, "its monitor is gone");
    }
    std::vector<monitor::Connection::HandedOver> handed;
    {
        const std::scoped_lock lock(container.control_mutex);
        handed = TRY(control->hand_over(kPatience));
    }
    const Settings now = settings();
    const std::scoped_lock lock(container.mutex);
    for (monitor::Connection::HandedOver &one : handed) {
        if (one.what.session != 0) {
            continue;
        }
        const Config &config = container.data.config;
        if (one.what.role == monitor::Role::kInput && config.stdin_once && !config.tty) {
            continue; // the program would never see the end of its input while we have it open as well
        }
        auto fd = std::make_shared<Fd>(std::move(one.fd));
        if (now.keep_descriptor) {
            now.keep_descriptor(container.id + "-" + std::to_string(static_cast<int>(one.what.role)), *fd);
        }
        if (one.what.role == monitor::Role::kProcess) {
            container.process = fd;
        }
        container.kept[one.what.role] = std::move(fd);
    }
    return {};
}

namespace {

class Starter {
  public:
    Starter(Engine::Core &core, const ContainerPtr &container)
        : core_(core), container_(container), data_(container->snapshot()), path_(core.paths(container->id)),
          settings_(core.settings()) {}

    Status prepare() {
        TRY(make_directories(path_.bundle, 0700));
        TRY(make_directories(path_.socket.parent_path(), 0700));
        TRY(make_directories(path_.disk / "logs", 0700));
        if (unlink(path_.exit.c_str()) != 0 && errno != ENOENT) {
            return fail_errno("remove " + path_.exit.string());
        }
        TRY(prepare_network());
        TRY(core_.mount_rootfs(*container_));
        TRY(write_files());
        TRY(join_namespaces());
        TRY(prepare_mounts());
        return plan();
    }

    Status launch() {
        const monitor::Settings monitor_settings = TRY(core_.monitor_settings(data_));
        monitor::Spawned spawned;
        monitor_ = TRY(core_.orphans.start([&]() -> Result<pid_t> {
            spawned =
                TRY(monitor::spawn(settings_.program(settings_.monitor_program, "ballast-monitor"), monitor_settings));
            return spawned.pid;
        }));
        auto control = std::make_shared<monitor::Connection>(
            TRY(monitor::Connection::over(std::move(spawned.control), monitor::Purpose::kControl, kPatience)));
        if (settings_.cgroups) {
            TRY(start_scope(settings_.program(settings_.scope_program, "ballast-oci-scope"), scope_,
                            {.description = "Ballast container " + data_.name,
                             .first = spawned.pid,
                             .stop_seconds = monitor_settings.stop_seconds}));
            TRY(control->call<monitor::Done>(monitor::JoinCgroup{}, kPatience));
        }
        events_.emplace(TRY(monitor::Connection::connect(path_.socket, monitor::Purpose::kEvents, kPatience)));
        connect_waiting();
        if (network_.valid()) {
            TRY(network_.get());
        }
        const Result<monitor::Started> started = control->call<monitor::Started>(monitor::Run{}, kPatience);
        if (!started) {
            failure_ = describe_failure(data_, started.error().message);
            return fail(failure_->code == kNotStarted ? EIO : EINVAL, failure_->message);
        }
        pid_ = static_cast<int>(started->pid);
        const std::scoped_lock lock(container_->mutex);
        container_->control = std::move(control);
        return {};
    }

    // Nothing of the attempt stays.
    void undo(const Error &error) {
        std::vector<std::shared_ptr<Attachment::Shared>> waiting;
        {
            const std::scoped_lock lock(container_->mutex);
            waiting.swap(container_->waiting);
        }
        for (const auto &one : waiting) {
            one->finish(fail(error.code, error.message));
        }
        if (network_.valid()) {
            network_.wait();
        }
        if (monitor_ > 0) {
            (void)::kill(monitor_, SIGKILL); // ours until it is waited for
            (void)waitpid(monitor_, nullptr, 0);
            core_.orphans.release(monitor_);
            core_.end_making(*container_, "run", data_.id);
        }
        core_.tear_down(*container_);
        if (settings_.cgroups && !scope_.unit.empty()) {
            (void)stop_scope(settings_.program(settings_.scope_program, "ballast-oci-scope"), scope_); // mostly gone
        }
        if (monitor_ > 0) {
            core_.collect_orphans(); // what it was the parent of
        }
    }

    Snapshot &data() { return data_; }
    int pid() const { return pid_; }
    int exit_code() const { return failure_ ? failure_->code : kNotStarted; }
    pid_t monitor() const { return monitor_; }
    monitor::Connection take_events() { return std::move(*events_); }

  private:
    // The namespace is made and filled while everything else is prepared.
    Status prepare_network() {
        if (!has_own_networks(data_.host.network_mode)) {
            files_.of_host = data_.host.network_mode == "host";
            input_.network_namespace =
                TRY(shared_network(data_.host, [this](const std::string &name) { return process_of(name); }));
            return {};
        }
        const network::Sandbox sandbox = TRY(core_.reserve_networks(data_));
        for (const network::Endpoint &endpoint : sandbox.endpoints) {
            for (const std::optional<network::Subnet> &address : {endpoint.v4, endpoint.v6}) {
                if (address) {
                    files_.addresses.push_back(address->address.text());
                }
            }
            files_.ipv6 = files_.ipv6 || endpoint.v6.has_value();
        }
        files_.host_gateway = core_.host_gateway();
        files_.resolver = needs_resolver(sandbox);
        input_.own_network_namespace = true;
        input_.network_namespace = core_.networks->namespace_file(data_.id);
        network_ = std::async(std::launch::async, [this, published = !sandbox.ports.empty()]() -> Status {
            TRY(core_.networks->build(data_.id));
            if (published) {
                TRY(core_.publish_on_loopback());
            }
            return core_.open_names(data_);
        });
        return {};
    }

    Result<int> process_of(const std::string &reference) {
        const ContainerPtr other = TRY(core_.find(reference));
        const Snapshot snapshot = other->snapshot();
        if (other == container_ || !snapshot.state.running()) {
            return fail(EBUSY, "cannot join network of a non running container: " + other->id);
        }
        return snapshot.state.pid;
    }

    Status write_files() {
        if (const std::optional<std::string> other = joined_container(data_.host.network_mode)) {
            const Snapshot joined = TRY(core_.find(*other))->snapshot();
            share_container_files(data_, joined);
            data_.config.hostname = joined.config.hostname;
            data_.config.domainname = joined.config.domainname;
            return {};
        }
        return write_container_files(data_, path_.disk, name_settings(data_.host, settings_), files_);
    }

    Status join_namespaces() {
        const auto joined = [this](const std::string &mode, const char *name) -> Result<std::string> {
            if (mode == "host") {
                return std::string("host");
            }
            if (const std::optional<std::string> other = joined_container(mode)) {
                return "/proc/" + std::to_string(TRY(process_of(*other))) + "/ns/" + name;
            }
            return std::string();
        };
        input_.pid_namespace = TRY(joined(data_.host.pid_mode, "pid"));
        input_.ipc_namespace = TRY(joined(data_.host.ipc_mode, "ipc"));
        if (data_.host.ipc_mode == "host") {
            input_.shm = "/dev/shm";
        } else if (const std::optional<std::string> other = joined_container(data_.host.ipc_mode)) {
            input_.shm = core_.paths(TRY(core_.find(*other))->id).run / "shm";
            if (access(input_.shm.c_str(), F_OK) != 0) {
                return fail(EINVAL, "can't join IPC of container " + *other +
                                        ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)");
            }
        } else if (data_.host.ipc_mode == "shareable") {
            TRY(mount_shm());
        }
        return {};
    }

    Status mount_shm() {
        input_.shm = path_.run / "shm";
        TRY(make_directories(input_.shm, 0700));
        const std::string options = "mode=1777,size=" + std::to_string(data_.host.shm_size);
        if (mount("shm", input_.shm.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0) {
            return fail_errno("mount /dev/shm");
        }
        return {};
    }

    Status prepare_mounts() {
        for (MountPoint &mount : data_.mounts) {
            TRY(make_bind_source(mount));
            std::string source = mount.source;
            if (mount.type == "volume") {
                fs::path place = TRY(core_.volumes->use(mount.name));
                {
                    const std::scoped_lock lock(container_->mutex);
                    if (!container_->used_volumes.insert(mount.name).second) {
                        core_.volumes->release(mount.name);
                    }
                }
                core_.events.publish({.type = "volume",
                                      .action = "mount",
                                      .actor = mount.name,
                                      .attributes = {{"container", data_.id},
                                                     {"destination", mount.destination},
                                                     {"driver", "local"},
                                                     {"propagation", mount.propagation},
                                                     {"read/write", mount.writable ? "true" : "false"}},
                                      .time = kNever});
                source = place;
                if (!mount.subpath.empty()) {
                    // A descriptor would not survive until ballast-oci opens it: whoever writes to the volume at this
                    // moment could lead it elsewhere, so no part of it may be a link.
                    TRY(check_subpath(place, mount.subpath));
                    source = place / mount.subpath;
                }
            }
            input_.volume_sources.push_back(source);
        }
        return {};
    }

    static Status check_subpath(const fs::path &volume, const std::string &subpath) {
        fs::path walked = volume;
        for (const fs::path &part : fs::path(subpath)) {
            walked /= part;
            struct stat status{};
            if (part == ".." || part.is_absolute() || lstat(walked.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) {
                return fail(EINVAL, "cannot access path " + quote(subpath) + " of the volume");
            }
        }
        return {};
    }

    Status plan() {
        input_.container = &data_;
        input_.host = core_.host;
        input_.user = TRY(look_up_user(TRY(RootDir::open(path_.rootfs)), data_.config.user, data_.host.group_add));
        input_.rootfs = path_.rootfs;
        if (data_.host.init.value_or(settings_.init)) {
            input_.init_program = settings_.program(settings_.init_program, "ballast-container-init");
        }
        if (settings_.cgroups) {
            scope_ = TRY(plan_scope(data_.id, data_.host.cgroup_parent.empty() ? settings_.cgroup_parent
                                                                               : data_.host.cgroup_parent));
            input_.cgroup = scope_.cgroup + "/container";
        }
        input_.devices = TRY(find_devices(data_.host));
        input_.block_devices = TRY(find_block_devices(data_.host));
        input_.default_ulimits = settings_.ulimits;
        input_.default_shm_size = settings_.shm_size;
        input_.no_new_privileges = settings_.no_new_privileges;
        if (!settings_.seccomp_profile.empty()) {
            input_.seccomp_profile = settings_.seccomp_profile == "unconfined"
                                         ? settings_.seccomp_profile
                                         : TRY(read_file(settings_.seccomp_profile, kLargestProfile));
        }
        return write_json(path_.bundle / "config.json", TRY(plan_config(input_)));
    }

    void connect_waiting() {
        std::vector<std::shared_ptr<Attachment::Shared>> waiting;
        {
            const std::scoped_lock lock(container_->mutex);
            waiting.swap(container_->waiting);
        }
        for (const auto &one : waiting) {
            one->finish(connect_attachment(path_.socket, one->request, data_.config));
        }
    }

    Engine::Core &core_;
    const ContainerPtr &container_;
    Snapshot data_;
    Paths path_;
    Settings settings_;
    PlanInput input_;
    ScopePlan scope_;
    std::optional<monitor::Connection> events_;
    std::optional<Program> failure_;
    pid_t monitor_ = -1;
    int pid_ = 0;
    FileNetwork files_;
    std::future<Status> network_; // last: ends before what it works with
};

} // namespace

Result<Fd> connect_attachment(const fs::path &socket, const AttachRequest &request, const Config &config) {
    return monitor::attach(socket,
                           {.session = 0,
                            .input = request.standard_input && config.open_stdin,
                            .output = request.standard_output,
                            .errors = request.standard_error,
                            .close_input = config.stdin_once,
                            .detach_keys = TRY(detach_bytes(request.detach_keys))},
                           kPatience);
}

Status Engine::Core::start(const ContainerPtr &container) {
    Starter starter(*this, container);
    Status done = starter.prepare();
    if (done) {
        done = starter.launch();
    }
    if (!done) {
        starter.undo(done.error());
        const std::scoped_lock lock(container->mutex);
        State &state = container->data.state;
        state.phase = next_phase(state.phase, Transition::kStartFailed).value_or(state.phase);
        state.error = done.error().message;
        state.exit_code = starter.exit_code();
        state.finished_at = std::chrono::system_clock::now();
        container->exits++;
        container->changed.notify_all();
        (void)save(*container); // the error that matters is the first one
        if (container->data.host.auto_remove) {
            remove_soon(container);
        }
        return done;
    }
    {
        const std::scoped_lock lock(container->mutex);
        Snapshot &data = container->data;
        data.state.phase = next_phase(data.state.phase, Transition::kStarted).value_or(Phase::kRunning);
        data.state.pid = starter.pid();
        orphans.claim(data.state.pid); // ours to wait for, should its monitor be killed
        data.state.exit_code = 0;
        data.state.oom_killed = false;
        data.state.error.clear();
        data.state.started_at = std::chrono::system_clock::now();
        data.state.health.reset();
        if (plan_health(data.config)) {
            data.state.health = Health{.status = "starting", .failing_streak = 0, .log = {}};
        }
        data.hosts_path = starter.data().hosts_path;
        data.hostname_path = starter.data().hostname_path;
        data.resolv_conf_path = starter.data().resolv_conf_path;
        data.mounts = starter.data().mounts;
        container->monitor_pid = starter.monitor();
        container->stopping = false;
        container->spared = false;
        container->restart_ticket++;
        container->changed.notify_all();
        if (const Status saved = save(*container); !saved) {
            log::error(saved.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        }
    }
    if (const Status taken = take_descriptors(*container); !taken) {
        // It has ended already, as short programs do; or its monitor has, and its end is told below.
        log::debug("descriptors: " + taken.error().message, {{"CONTAINER_ID", short_id(container->id)}});
    }
    if (const std::optional<network::Sandbox> sandbox = networks->sandbox(container->id)) {
        network_events(starter.data(), *sandbox, "connect");
    }
    event(*container, "start");
    start_health(container);
    watch(container, starter.take_events());
    return {};
}

Result<bool> Engine::start(const std::string &reference) {
    const ContainerPtr container = TRY(core_->find(reference));
    const std::scoped_lock operation(container->operation);
    const Phase phase = container->phase();
    if (phase == Phase::kRunning) {
        return false;
    }
    TRY(may_start(container->id, phase));
    {
        const std::scoped_lock lock(container->mutex);
        container->data.has_been_manually_stopped = false;
        container->data.restart_count = 0;
        container->backoff = {};
    }
    TRY(core_->start(container));
    return true;
}

} // namespace ballast::engine
