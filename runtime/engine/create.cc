// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/rollback.h"
#include "runtime/engine/capabilities.h"
#include "runtime/engine/core.h"
#include "runtime/engine/image_defaults.h"
#include "runtime/engine/image_mounts.h"
#include "runtime/engine/names.h"
#include "runtime/engine/network.h"
#include "runtime/engine/plan_mounts.h"
#include "runtime/engine/scope.h"
#include "runtime/engine/seccomp_profile.h"
#include "runtime/engine/user_namespace.h"
#include "runtime/log/options.h"
#include "runtime/volume/copy_up.h"

namespace ballast::engine {
namespace {

void apply_defaults(CreateRequest &request, const Settings &settings) {
    HostConfig &host = request.host;
    if (host.log_config.type.empty()) {
        const std::map<std::string, std::string> own = host.log_config.config;
        host.log_config = settings.log;
        for (const auto &[name, value] : own) {
            host.log_config.config[name] = value;
        }
    }
    if (host.network_mode.empty()) {
        host.network_mode = request.config.network_disabled ? "none" : "default";
    }
    if (host.ipc_mode.empty()) {
        host.ipc_mode = settings.ipc_mode;
    }
    if (host.cgroupns_mode.empty()) {
        host.cgroupns_mode = "private";
    }
    if (host.shm_size == 0) {
        host.shm_size = settings.shm_size;
    }
    if (host.runtime.empty()) {
        host.runtime = "runc"; // what clients expect to see
    }
}

// Everything that start would refuse and that is known now.
Status check_plan(const HostConfig &host, const HostFacts &facts) {
    const SecurityOptions security = TRY(parse_security_options(host.security_opt));
    const Texts capabilities =
        TRY(plan_capabilities(host.cap_add, host.cap_drop, host.privileged, facts.last_capability));
    if (!security.seccomp.empty() && security.seccomp != "unconfined" && security.seccomp != "builtin") {
        TRY(resolve_seccomp(security.seccomp, {.capabilities = capabilities,
                                               .architecture = facts.architecture,
                                               .kernel_major = facts.kernel_major,
                                               .kernel_minor = facts.kernel_minor}));
    }
    for (const auto &[target, options] : host.tmpfs) {
        TRY(tmpfs_options(options));
    }
    const container_log::Pairs options(host.log_config.config.begin(), host.log_config.config.end());
    TRY(container_log::check_log_options(host.log_config.type, options));
    std::vector<std::pair<std::string, std::string>> storage(host.storage_opt.begin(), host.storage_opt.end());
    TRY(image::check_storage_options(storage));
    return plan_scope("x", host.cgroup_parent) ? Status()
                                               : std::unexpected(plan_scope("x", host.cgroup_parent).error());
}

// "container:NAME" becomes "container:ID", which a new name does not lead elsewhere.
Status name_joined_containers(Engine::Core &core, HostConfig &host) {
    for (std::string *mode : {&host.network_mode, &host.pid_mode, &host.ipc_mode}) {
        if (const std::optional<std::string> other = joined_container(*mode)) {
            const Result<ContainerPtr> found = core.find(*other);
            if (!found) { // not ENOENT: clients would take the image for missing, and pull it
                return fail(EINVAL, found.error().message);
            }
            *mode = "container:" + (*found)->id;
        }
    }
    return {};
}

// Who shares a network namespace shares the names in it.
void take_hostname(Engine::Core &core, Snapshot &data) {
    const std::optional<std::string> other = joined_container(data.host.network_mode);
    const Result<ContainerPtr> found = other ? core.find(*other) : fail(ENOENT, "");
    if (found) {
        const Snapshot donor = (*found)->snapshot();
        data.config.hostname = donor.config.hostname;
        data.config.domainname = donor.config.domainname;
    }
}

const MountSpec::Volume *volume_options(const HostConfig &host, const MountPoint &mount) {
    const auto spec = std::ranges::find_if(host.mounts, [&mount](const MountSpec &one) {
        return one.volume && clean_path(one.target) == mount.destination;
    });
    return spec == host.mounts.end() ? nullptr : &*spec->volume;
}

// Written down first: a daemon that is killed before the container is recorded finds out what was made for it.
Status name_anonymous_volumes(std::vector<MountPoint> &mounts, const fs::path &directory) {
    std::string names;
    for (MountPoint &mount : mounts) {
        if (mount.type == "volume" && mount.name.empty()) {
            mount.name = random_id();
            names += mount.name + "\n";
        }
    }
    return names.empty() ? Status() : write_file(directory / kNewVolumes, names, 0600);
}

Status check_bind_source(const MountPoint &mount) {
    std::error_code error;
    if (mount.type == "bind" && !mount.create_source && !fs::exists(mount.source, error)) {
        return fail(EINVAL, "invalid mount config for type \"bind\": bind source path does not exist: " +
                                escaped(mount.source));
    }
    return {};
}

} // namespace

Result<Created> Engine::create(CreateRequest request) { return core_->create(std::move(request)); }

Result<Created> Engine::Core::create(CreateRequest request) {
    Core &core = *this;
    const Settings settings = core.settings();
    const Result<image::Image> found = core.images.find(request.config.image);
    if (!found) {
        return std::unexpected(found.error());
    }
    image::Lease lease = TRY(core.images.hold(found->id)); // until the container is listed
    apply_image(request.config, found->config.config);
    apply_defaults(request, settings);
    Created result;
    result.warnings = TRY(check_settings(request.config, request.host, core.machine()));
    if (!request.pod.given() && request.host.userns_mode != "host" && remapped.given()) {
        TRY(check_user_namespace(request.host));
    }
    TRY(check_plan(request.host, core.host));
    TRY(name_joined_containers(core, request.host));
    TRY(core.name_links(request.host));
    if (program_of(request.config).empty()) {
        return fail(EINVAL, "no command specified");
    }

    Snapshot data;
    data.id = random_id();
    data.name = request.name.starts_with('/') ? request.name.substr(1) : request.name;
    TRY(core.reserve_name(data.name, data.id));
    Rollback rollback;
    rollback.add([&core, name = data.name] { core.forget_name(name); });
    data.created = std::chrono::system_clock::now();
    data.image_id = found->id.text();
    data.image_manifest_digest = found->manifest.digest.text();
    const std::vector<MountPoint> inherited = TRY(core.inherited_mounts(request.host));
    data.mounts = TRY(plan_mount_points(request.config, request.host, inherited));
    const std::vector<image::Lease> mounted = TRY(hold_mounted_images(core.images, data.mounts));
    data.config = std::move(request.config);
    data.host = std::move(request.host);
    data.pod = std::move(request.pod);
    data.networking = std::move(request.networking);
    TRY(core.settle_networks(data));
    TRY(plan_ports(data.config, data.host));
    take_hostname(core, data);
    if (data.config.hostname.empty()) {
        data.config.hostname =
            data.host.network_mode == "host" || data.host.uts_mode == "host" ? core.host.hostname : short_id(data.id);
    }
    const Paths path = core.paths(data.id);
    if (data.host.log_config.type == "json-file" || data.host.log_config.type == "local") {
        data.log_path = path.log;
    } else if (data.host.log_config.type == "cri") {
        data.log_path = request.log_path;
    }
    auto container = std::make_shared<Container>(std::move(data));
    TRY(make_directories(path.disk / "logs", 0700));
    rollback.add([disk = path.disk, run = path.run] { // what stays is removed at the next start
        (void)remove_tree(disk);
        (void)remove_tree(run);
    });
    TRY(name_anonymous_volumes(container->data.mounts, path.disk));
    for (MountPoint &mount : container->data.mounts) {
        TRY(check_bind_source(mount));
        if (mount.type != "volume") {
            continue;
        }
        volume::Volume wanted{
            .name = mount.name, .created_ns = 0, .labels = {}, .options = {}, .anonymous = mount.anonymous};
        if (const MountSpec::Volume *options = volume_options(container->data.host, mount)) {
            wanted.labels = options->labels;
            wanted.options = options->options;
        }
        if (wanted.anonymous) {
            wanted.labels["com.docker.volume.anonymous"] = "";
        }
        const bool fresh = !core.volumes->find(wanted.name);
        mount.name = TRY(core.volumes->create(wanted)).name;
        mount.source = core.volumes->data(mount.name);
        if (fresh) {
            core.events.publish({.type = "volume",
                                 .action = "create",
                                 .actor = mount.name,
                                 .attributes = {{"driver", "local"}},
                                 .time = kNever});
        }
        if (fresh && wanted.anonymous) {
            rollback.add([&core, name = mount.name] {
                if (const Status removed = core.volumes->remove(name); !removed) {
                    log::warning(removed.error().message + ", ignoring"); // its name is nobody else's
                }
            });
        }
    }
    image::Snapshot snapshot = TRY(core.snapshot_of(*container));
    TRY(image::make_writable_directories(snapshot, path.disk));
    {
        const std::scoped_lock lock(container->mutex);
        TRY(core.save(*container));
    }
    TRY(sync_directory(path.disk.parent_path()));
    if (std::ranges::any_of(container->data.mounts,
                            [](const MountPoint &one) { return one.type == "volume" && one.copy_up; })) {
        TRY(core.copy_up_volumes(*container));
    }
    {
        const std::scoped_lock lock(core.registry);
        core.containers.emplace(container->id, container);
    }
    rollback.commit();
    result.id = container->id;
    core.event(*container, "create");
    return result;
}

Status Engine::Core::copy_up_volumes(Container &container) {
    TRY(mount_rootfs(container));
    Rollback rollback;
    rollback.add([this, &container] { unmount_rootfs(container); });
    const RootDir root = TRY(RootDir::open(paths(container.id).rootfs));
    for (const MountPoint &mount : container.data.mounts) {
        if (mount.type == "volume" && mount.copy_up && mount.subpath.empty()) {
            const fs::path data = TRY(volumes->use(mount.name));
            rollback.add([this, name = mount.name] { volumes->release(name); });
            TRY(volume::copy_up(root, mount.destination, data));
        }
    }
    return {};
}

} // namespace ballast::engine
