// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"

#include <unistd.h>

#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "runtime/engine/record.h"
#include "runtime/engine/scope.h"

namespace ballast::engine {
namespace {

constexpr int kNameAttempts = 20;

// In the journal belongs what somebody asks for later; each exec and copy only for who looks closely.
log::Level log_level(const std::string &action) {
    if (action == "oom" || action == "health_status: unhealthy") {
        return log::Level::kWarning;
    }
    const bool life = action == "create" || action == "start" || action == "die" || action == "destroy" ||
                      action == "health_status: healthy";
    return life ? log::Level::kInfo : log::Level::kDebug;
}

} // namespace

Engine::Core::Core(Settings given, image::ImageStore &store)
    : images(store), events(given.data_root / "events.json", warnings), settings_(std::move(given)) {}

Engine::Core::~Core() {
    watcher.request_stop();
    wake_watcher();
    if (watcher.joinable()) {
        watcher.join();
    }
    timer.stop();
}

Settings Engine::Core::settings() const {
    const std::scoped_lock lock(settings_mutex);
    return settings_;
}

Paths Engine::Core::paths(const std::string &id) const {
    const std::scoped_lock lock(settings_mutex);
    const fs::path disk = settings_.data_root / "containers" / id;
    const fs::path run = settings_.run_root / "containers" / id;
    return {.disk = disk,
            .run = run,
            .rootfs = run / "rootfs",
            .bundle = run / "bundle",
            .user_namespace = run / "user",
            .socket = settings_.run_root / "monitor" / (id + ".sock"),
            .record = disk / "config.json",
            .exit = disk / "exit.json",
            .log = disk / "logs" / (id + "-json.log")};
}

MachineFacts Engine::Core::machine() const { return {.processors = host.processors, .cgroups = settings().cgroups}; }

Result<fs::path> Engine::Core::cgroup_of(const Snapshot &container) const {
    const std::string &own = container.host.cgroup_parent;
    const ScopePlan scope = TRY(plan_scope(container.id, own.empty() ? settings().cgroup_parent : own));
    return "/sys/fs/cgroup" + scope.cgroup + "/container";
}

Result<ContainerPtr> Engine::Core::find(const std::string &reference) {
    const std::string plain = reference.starts_with('/') ? reference.substr(1) : reference;
    const std::scoped_lock lock(registry);
    if (const auto found = containers.find(plain); found != containers.end()) {
        return found->second;
    }
    if (const auto name = names.find(plain); name != names.end()) {
        if (const auto found = containers.find(name->second); found != containers.end()) {
            return found->second;
        }
    }
    const auto first = plain.empty() ? containers.end() : containers.lower_bound(plain);
    if (first == containers.end() || !first->first.starts_with(plain)) {
        return fail(ENOENT, "No such container: " + escaped(reference.substr(0, 256)));
    }
    if (const auto second = std::next(first); second != containers.end() && second->first.starts_with(plain)) {
        return fail(EINVAL, "Multiple IDs found with provided prefix: " + plain);
    }
    return first->second;
}

std::vector<ContainerPtr> Engine::Core::all() {
    const std::scoped_lock lock(registry);
    std::vector<ContainerPtr> result;
    result.reserve(containers.size());
    for (const auto &[id, container] : containers) {
        result.push_back(container);
    }
    return result;
}

Status Engine::Core::reserve_name(std::string &name, const std::string &id) {
    if (!name.empty()) {
        TRY(check_name(name, "container"));
        const std::scoped_lock lock(registry);
        const auto [place, added] = names.emplace(name, id);
        return added ? Status()
                     : fail(EEXIST,
                            "Conflict. The container name \"/" + name + "\" is already in use by container \"" +
                                place->second +
                                "\". You have to remove (or rename) that container to be able to reuse that name.");
    }
    for (int attempt = 0; attempt < kNameAttempts; attempt++) {
        std::string candidate = random_name(attempt);
        const std::scoped_lock lock(registry);
        if (names.emplace(candidate, id).second) {
            name = std::move(candidate);
            return {};
        }
    }
    name = short_id(id);
    const std::scoped_lock lock(registry);
    names[name] = id;
    return {};
}

void Engine::Core::forget_name(const std::string &name) {
    const std::scoped_lock lock(registry);
    names.erase(name);
}

Status Engine::Core::save(Container &container) {
    const Paths path = paths(container.id);
    return replace_file(path.record, record_text(container.data), 0600).within("container " + short_id(container.id));
}

void Engine::Core::event(Container &container, const std::string &action, std::map<std::string, std::string> more) {
    const Snapshot snapshot = container.snapshot();
    std::map<std::string, std::string> attributes(snapshot.config.labels.begin(), snapshot.config.labels.end());
    attributes["image"] = snapshot.config.image;
    attributes["name"] = snapshot.name;
    std::string details;
    for (auto &[name, value] : more) {
        details += ", " + name + " " + value;
        attributes[name] = std::move(value);
    }
    // The command of an exec stays out of the journal: there are passwords in such.
    const std::string logged = action.starts_with("exec_") ? action.substr(0, action.find(':')) : action;
    log::write(log_level(action), "container " + snapshot.name + ": " + logged + details,
               {{"CONTAINER_ID", short_id(container.id)}, {"IMAGE", snapshot.config.image}});
    events.publish({.type = "container",
                    .action = action,
                    .actor = container.id,
                    .attributes = std::move(attributes),
                    .time = kNever});
    pod_event(snapshot, action);
}

std::set<std::string> Engine::Core::volumes_in_use() {
    std::set<std::string> result;
    for (const ContainerPtr &container : all()) {
        for (const MountPoint &mount : container->snapshot().mounts) {
            if (mount.type == "volume") {
                result.insert(mount.name);
            }
        }
    }
    return result;
}

Result<std::vector<MountPoint>> Engine::Core::inherited_mounts(const HostConfig &host_config) {
    std::vector<MountPoint> result;
    for (const std::string &text : host_config.volumes_from) {
        const VolumesFrom from = TRY(parse_volumes_from(text));
        const Result<ContainerPtr> donor = find(from.container);
        if (!donor) { // not ENOENT: clients would take the image for missing, and pull it
            return fail(EINVAL, donor.error().message);
        }
        for (MountPoint mount : (*donor)->snapshot().mounts) {
            if (mount.type == "tmpfs") {
                continue;
            }
            mount.writable = mount.writable && !from.read_only;
            mount.copy_up = false;
            result.push_back(std::move(mount));
        }
    }
    return result;
}

std::optional<std::string> joined_container(const std::string &mode) {
    constexpr std::string_view kPrefix = "container:";
    return mode.starts_with(kPrefix) ? std::optional(mode.substr(kPrefix.size())) : std::nullopt;
}

} // namespace ballast::engine
