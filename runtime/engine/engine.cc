// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/engine.h"

#include <algorithm>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/subprocess.h"
#include "base/tree_size.h"
#include "runtime/engine/apparmor.h"
#include "runtime/engine/core.h"
#include "runtime/engine/list_filters.h"
#include "runtime/engine/names.h"
#include "runtime/engine/pods.h"
#include "runtime/engine/user_namespace.h"
#include "runtime/log/reader.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr auto kLogPoll = 250ms;

} // namespace

Engine::Engine(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(Settings settings, image::ImageStore &store,
                                             std::map<std::string, Fd> inherited) {
    IdMappings remapped = TRY(remapped_ids(settings.userns_remap));
    for (const fs::path &directory : {settings.data_root, settings.data_root / "containers", settings.run_root,
                                      settings.run_root / "containers", settings.run_root / "monitor"}) {
        TRY(make_directories(directory, 0700));
    }
    // Containers whose monitor was killed become our children, so that their exit status is not lost.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return fail_errno("become a subreaper");
    }
    // Before the core looks at what there is.
    const Status apparmor = load_default_apparmor(settings.programs / "apparmor" / kDefaultApparmorProfile);
    auto core = std::make_unique<Core>(std::move(settings), store);
    core->remapped = std::move(remapped);
    if (!apparmor) {
        core->warnings.push_back(apparmor.error().message + "; containers run without AppArmor");
    }
    core->volumes = TRY(volume::VolumeStore::open(core->settings().data_root / "volumes", core->warnings));
    network::Settings networks = core->settings().network;
    networks.data_root = core->settings().data_root;
    networks.run_root = core->settings().run_root;
    core->networks = TRY(network::Networks::open(std::move(networks), core->warnings));
    PodNetworkSettings pods = core->settings().pods;
    if (pods.otherwise.empty()) {
        pods.otherwise = core->settings().programs / "cni" / "pods.conflist";
    }
    const fs::path data_root = core->settings().data_root;
    core->pod_network = std::make_unique<PodNetwork>(pods, data_root / "cni", data_root / "pod-ranges", core->warnings);
    core->wake = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!core->wake.is_open()) {
        return fail_errno("eventfd");
    }
    core->watcher = std::jthread([raw = core.get()](const std::stop_token &stop) { raw->watch_loop(stop); });
    Core::KeptSockets sockets = Core::take_kept_sockets(inherited);
    TRY(core->recover(std::move(inherited), core->warnings));
    std::set<std::string> running;
    for (const ContainerPtr &container : core->all()) {
        if (container->snapshot().state.running()) {
            running.insert(container->id);
        }
    }
    core->finish_network_changes();
    const Texts problems = core->networks->restore(running);
    core->warnings.insert(core->warnings.end(), problems.begin(), problems.end());
    if (const fs::path cgroup = core->settings().loopback_cgroup; !cgroup.empty()) {
        core->loopback.emplace(cgroup);
    }
    if (const Status published = core->publish_on_loopback(); !published) {
        core->warnings.push_back(published.error().message);
    }
    core->reopen_names(std::move(sockets));
    core->finish_pods();
    return std::unique_ptr<Engine>(new Engine(std::move(core)));
}

void Engine::start_restarting() {
    for (const ContainerPtr &container : core_->all()) {
        const Snapshot data = container->snapshot();
        const bool ended = data.state.phase == Phase::kExited || data.state.phase == Phase::kRestarting;
        const bool again =
            data.state.phase == Phase::kRestarting ||
            should_start_with_daemon(data.host.restart_policy, {.code = data.state.exit_code,
                                                                .manually_stopped = data.has_been_manually_stopped,
                                                                .restarts = data.restart_count});
        if (ended && again && data.state.started_at != kNever) {
            core_->schedule_restart(container, 0ms);
        }
    }
}

void Engine::settle(std::chrono::milliseconds patience) {
    core_->settle(patience);
    core_->pod_events.close(); // who follows them would be waited for
}

void Engine::reload(const Settings &settings) {
    const std::scoped_lock lock(core_->settings_mutex);
    Settings &now = core_->settings_;
    now.log = settings.log;
    now.ulimits = settings.ulimits;
    now.shm_size = settings.shm_size;
    now.init = settings.init;
    now.no_new_privileges = settings.no_new_privileges;
    now.seccomp_profile = settings.seccomp_profile;
    now.dns = settings.dns;
    now.dns_options = settings.dns_options;
    now.dns_search = settings.dns_search;
    now.stop_timeout = settings.stop_timeout;
}

Events &Engine::events() { return core_->events; }
Pods Engine::pods() { return Pods(*core_); }
Settings Engine::settings() const { return core_->settings(); }
const HostFacts &Engine::host() const { return core_->host; }
Texts Engine::warnings() const { return core_->warnings; }

Counts Engine::counts() const {
    Counts counts;
    for (const ContainerPtr &container : core_->all()) {
        counts.containers++;
        switch (container->phase()) {
        case Phase::kRunning:
            counts.running++;
            break;
        case Phase::kPaused:
            counts.paused++;
            break;
        default:
            counts.stopped++;
        }
    }
    return counts;
}

Status Engine::rename(const std::string &reference, const std::string &name) {
    const ContainerPtr container = TRY(core_->find(reference));
    TRY(refuse_for_pods(container->snapshot(), "rename"));
    const std::scoped_lock operation(container->operation);
    std::string wanted = name.starts_with('/') ? name.substr(1) : name;
    if (wanted.empty()) {
        return fail(EINVAL, "Neither old nor new names may be empty");
    }
    const std::string old = container->snapshot().name;
    if (wanted == old) {
        return fail(EINVAL, "Renaming a container with the same name as its current name");
    }
    TRY(core_->reserve_name(wanted, container->id));
    {
        const std::scoped_lock lock(container->mutex);
        container->data.name = wanted;
        if (const Status saved = core_->save(*container); !saved) {
            container->data.name = old;
            return saved;
        }
    }
    core_->forget_name(old);
    core_->tell_names(container->snapshot());
    core_->event(*container, "rename", {{"oldName", "/" + old}});
    return {};
}

Result<std::function<Result<WaitResult>(const std::stop_token &)>> Engine::begin_wait(const std::string &reference,
                                                                                      WaitCondition condition) {
    const ContainerPtr container = TRY(core_->find(reference));
    std::uint64_t exits = 0;
    {
        const std::scoped_lock lock(container->mutex);
        exits = container->exits;
    }
    return [container, condition, exits](const std::stop_token &stop) -> Result<WaitResult> {
        std::unique_lock lock(container->mutex);
        const bool done = container->changed.wait(lock, stop, [&] {
            const State &state = container->data.state;
            switch (condition) {
            case WaitCondition::kNotRunning:
                return container->removed || (!state.running() && state.phase != Phase::kRestarting);
            case WaitCondition::kNextExit:
                return container->removed || container->exits > exits;
            case WaitCondition::kRemoved:
                return container->removed;
            }
            return false;
        });
        if (!done) {
            return fail(ECANCELED, "wait: cancelled");
        }
        return WaitResult{.exit_code = container->data.state.exit_code, .error = container->data.state.error};
    };
}

Result<WaitResult> Engine::wait(const std::string &reference, WaitCondition condition, const std::stop_token &stop) {
    return TRY(begin_wait(reference, condition))(stop);
}

Result<Snapshot> Engine::inspect(const std::string &reference, bool size) {
    const ContainerPtr container = TRY(core_->find(reference));
    Snapshot data = container->snapshot();
    core_->show_links(data);
    const Paths path = core_->paths(data.id);
    const Texts words = program_of(data.config);
    data.path = words.empty() ? "" : words.front();
    data.args.assign(words.begin() + (words.empty() ? 0 : 1), words.end());
    {
        const std::scoped_lock lock(container->mutex);
        for (const auto &[id, exec] : container->execs) {
            if (exec->running && !exec->internal) {
                data.exec_ids.push_back(id);
            }
        }
    }
    const SecurityOptions security = parse_security_options(data.host.security_opt).value_or(SecurityOptions{});
    if (core_->host.apparmor) {
        data.apparmor_profile = !security.apparmor.empty() ? security.apparmor
                                : data.host.privileged     ? "unconfined"
                                                           : kDefaultApparmorProfile;
    }
    data.rootfs = path.rootfs;
    if (const Result<image::Snapshot> snapshot = core_->snapshot_of(*container)) {
        std::string lower;
        for (const fs::path &one : snapshot->lower) {
            lower += (lower.empty() ? "" : ":") + one.string();
        }
        data.graph_driver = {{"LowerDir", lower},
                             {"UpperDir", snapshot->upper},
                             {"WorkDir", snapshot->work},
                             {"MergedDir", path.rootfs}};
        if (size) {
            data.size_rw = static_cast<std::int64_t>(tree_size(snapshot->upper));
            std::uint64_t all = tree_size(snapshot->upper);
            for (const fs::path &one : snapshot->lower) {
                all += tree_size(one);
            }
            data.size_root_fs = static_cast<std::int64_t>(all);
        }
    }
    data.sandbox = core_->networks->sandbox(data.id);
    if (data.sandbox) {
        data.network_sandbox_key = core_->networks->namespace_file(data.id);
    } else if (data.state.pid > 0) {
        data.network_sandbox_key = "/proc/" + std::to_string(data.state.pid) + "/ns/net";
    }
    return data;
}

Result<std::vector<Snapshot>> Engine::list(const ListOptions &options) {
    const ListFilter filter =
        TRY(ListFilter::read(options.filters, [this](const std::string &reference) -> Result<Snapshot> {
            return TRY(core_->find(reference))->snapshot();
        }));
    const bool all = options.all || options.limit > 0 || filter.names_states();
    std::vector<Snapshot> result;
    for (const ContainerPtr &container : core_->all()) {
        Snapshot data = container->snapshot();
        data.sandbox = core_->networks->sandbox(data.id); // filters ask for networks' ids
        const Result<image::Image> image = filter.needs_image() ? core_->images.find(data.image_id) : fail(ENOENT, "");
        if ((all || data.state.running() || data.state.phase == Phase::kRestarting) &&
            filter.matches(data, image ? &*image : nullptr)) {
            result.push_back(std::move(data));
        }
    }
    std::ranges::sort(result, std::ranges::greater(), &Snapshot::created);
    if (options.limit > 0 && result.size() > static_cast<std::size_t>(options.limit)) {
        result.resize(static_cast<std::size_t>(options.limit));
    }
    for (Snapshot &data : result) {
        if (Result<Snapshot> whole = inspect(data.id, options.size)) { // else: removed meanwhile
            data = std::move(*whole);
        }
    }
    return result;
}

Result<Attachment> Engine::attach(const std::string &reference, const AttachRequest &request) {
    const ContainerPtr container = TRY(core_->find(reference));
    auto shared = TRY(Attachment::Shared::create(request));
    bool running = false;
    Config config;
    {
        const std::scoped_lock lock(container->mutex);
        const Phase phase = container->data.state.phase;
        if (phase == Phase::kPaused) {
            return fail(EBUSY, "Container " + container->id + " is paused. Unpause the container before attach");
        }
        if (phase == Phase::kRestarting) {
            return fail(EBUSY, "Container " + container->id +
                                   " is restarting. Wait until the container is running before attach");
        }
        running = phase == Phase::kRunning;
        config = container->data.config;
        if (!running) {
            std::erase_if(container->waiting,
                          [](const auto &one) { return one.use_count() == 1; }); // clients that left
            container->waiting.push_back(shared);
        }
    }
    if (running) {
        shared->finish(connect_attachment(core_->paths(container->id).socket, request, config));
    }
    core_->event(*container, "attach");
    return Attachment(std::move(shared));
}

Status Engine::resize(const std::string &reference, std::uint16_t height, std::uint16_t width) {
    const ContainerPtr container = TRY(core_->find(reference));
    std::shared_ptr<monitor::Connection> control;
    {
        const std::scoped_lock lock(container->mutex);
        control = container->control;
    }
    if (control == nullptr) {
        return fail(EBUSY, "container " + container->id + " is not running");
    }
    {
        const std::scoped_lock lock(container->control_mutex);
        TRY(control->call<monitor::Done>(monitor::Resize{.session = 0, .rows = height, .columns = width}, kPatience));
    }
    core_->event(*container, "resize", {{"height", std::to_string(height)}, {"width", std::to_string(width)}});
    return {};
}

Status Engine::logs(const std::string &reference, const LogQuery &query,
                    const std::function<Status(const LogEntry &)> &sink, const std::stop_token &stop) {
    const ContainerPtr container = TRY(core_->find(reference));
    const Snapshot data = container->snapshot();
    container_log::Selection selection{.output = query.standard_output,
                                       .errors = query.standard_error,
                                       .since_ns = {},
                                       .until_ns = {},
                                       .tail = {},
                                       .follow = query.follow};
    if (query.since != kNever) {
        selection.since_ns = query.since.time_since_epoch().count();
    }
    if (query.until != kNever) {
        selection.until_ns = query.until.time_since_epoch().count();
    }
    if (query.tail && *query.tail >= 0) {
        selection.tail = static_cast<std::uint64_t>(*query.tail);
    }
    auto reader = TRY(container_log::Reader::open(
        {.driver = data.host.log_config.type, .path = data.log_path, .container_id = data.id}, selection));
    container_log::Entry entry;
    bool finished = !query.follow || !data.state.running();
    if (finished) {
        reader->finish();
    }
    while (!stop.stop_requested()) {
        const auto next = TRY(reader->next(entry, kLogPoll));
        if (next == container_log::Reader::Next::kEnd) {
            return {};
        }
        if (next == container_log::Reader::Next::kEntry) {
            TRY(sink({.standard_error = entry.stream == container_log::Stream::kStderr,
                      .time = Time(Nanoseconds(entry.time_ns)),
                      .line = entry.text,
                      .starts = entry.starts,
                      .details = query.details ? entry.attributes : container_log::Pairs()}));
        } else if (!finished) {
            const State state = container->snapshot().state;
            if (!state.running() && state.phase != Phase::kRestarting) {
                reader->finish();
                finished = true;
            }
        }
    }
    return fail(ECANCELED, "logs: cancelled");
}

Result<Stats> Engine::stats(const std::string &reference) {
    const ContainerPtr container = TRY(core_->find(reference));
    const Snapshot data = container->snapshot();
    Stats stats;
    if (data.state.running()) {
        fs::path cgroup;
        if (core_->settings().cgroups) {
            cgroup = TRY(core_->cgroup_of(data));
        }
        stats = TRY(read_stats(cgroup, data.state.pid));
    }
    stats.id = data.id;
    stats.name = data.name;
    return stats;
}

std::vector<image::ContainerUse> Engine::image_uses() const {
    std::vector<image::ContainerUse> uses;
    for (const ContainerPtr &container : core_->all()) {
        const Snapshot data = container->snapshot();
        uses.push_back({.id = data.id,
                        .running = data.state.running(),
                        .image = image::Digest::parse(data.image_id).value_or(image::Digest())});
        for (const MountPoint &mount : data.mounts) {
            if (mount.type == "image") {
                uses.push_back({.id = data.id,
                                .running = data.state.running(),
                                .image = image::Digest::parse(mount.name).value_or(image::Digest())});
            }
        }
    }
    return uses;
}

Texts Engine::users_of_image(const std::string &image_id, bool running_only) const {
    Texts result;
    for (const ContainerPtr &container : core_->all()) {
        const Snapshot data = container->snapshot();
        if (data.image_id == image_id && (!running_only || data.state.running())) {
            result.push_back(data.id);
        }
    }
    return result;
}

} // namespace ballast::engine
