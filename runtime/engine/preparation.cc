// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/preparation.h"

#include <sys/mount.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/engine/host_devices.h"
#include "runtime/engine/image_mounts.h"
#include "runtime/engine/names.h"
#include "runtime/engine/network.h"
#include "runtime/engine/pod_user.h"
#include "runtime/engine/subpath.h"
#include "runtime/engine/user_namespace.h"
#include "runtime/network/dns/resolv_conf.h"
#include "runtime/network/namespace.h"

namespace ballast::engine {
namespace {

constexpr std::uint64_t kLargestProfile = 4UL << 20;

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

} // namespace

Status Preparation::prepare() {
    TRY(make_directories(path_.bundle, 0700));
    TRY(make_directories(path_.socket.parent_path(), 0700));
    TRY(make_directories(path_.disk / "logs", 0700));
    TRY(prepare_user_namespace());
    TRY(prepare_network());
    TRY(core_.mount_rootfs(*container_, users_));
    TRY(write_files());
    TRY(join_namespaces());
    TRY(prepare_mounts());
    return plan();
}

Status Preparation::wait_for_network() {
    if (network_.valid()) {
        TRY(network_.get());
        data_.pod.addresses = addresses_;
    }
    return {};
}

void Preparation::end_network() const {
    if (network_.valid()) {
        network_.wait();
    }
}

Status Preparation::prepare_user_namespace() {
    data_.ids = TRY(core_.ids_of(data_));
    if (!data_.ids.given()) {
        return {};
    }
    TRY(check_user_namespace(data_.host));
    for (const std::string *mode : {&data_.host.network_mode, &data_.host.ipc_mode, &data_.host.pid_mode}) {
        if (const std::optional<std::string> other = joined_container(*mode)) {
            return join_user_namespace(TRY(core_.find(*other))->snapshot());
        }
    }
    network::drop_namespace(path_.user_namespace); // of a life that ended badly
    input_.user_namespace = path_.user_namespace;
    TRY(make_user_namespace(data_.ids, path_.user_namespace));
    return open_user_namespace();
}

// Nobody may do much in another namespace that does not belong to their own user namespace.
Status Preparation::join_user_namespace(const Snapshot &other) {
    if (!(other.ids == data_.ids)) {
        return fail(EINVAL, "cannot join namespaces of container " + other.id +
                                ": it is in another user namespace; start both with --userns=host, or neither");
    }
    input_.user_namespace = "/proc/" + std::to_string(TRY(process_of(other.id))) + "/ns/user";
    return open_user_namespace();
}

Status Preparation::open_user_namespace() {
    users_ = TRY(open_users(data_.ids, input_.user_namespace));
    return {};
}

// Made in its user namespace; -1: it has none.
BorrowedFd Preparation::user_namespace() const {
    return users_ == nullptr ? BorrowedFd(-1) : BorrowedFd(users_->user_namespace);
}

// The namespace is made and filled while everything else is prepared.
Status Preparation::prepare_network() {
    if (data_.pod.is_container()) {
        const Snapshot sandbox = TRY(core_.find(data_.pod.sandbox))->snapshot();
        input_.network_namespace = sandbox.pod.network ? core_.pod_namespace(sandbox.id).string() : "host";
        return {};
    }
    if (data_.pod.network) {
        input_.own_network_namespace = true;
        input_.network_namespace = core_.pod_namespace(data_.id);
        network_ = std::async(std::launch::async, [this]() -> Status {
            addresses_ = TRY(core_.pod_network->attach(data_, input_.network_namespace, user_namespace()));
            return {};
        });
        return {};
    }
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
    const Engine::Core::Linked linked = TRY(core_.linked(data_));
    files_.linked = linked.hosts;
    input_.linked_env = linked.env;
    files_.resolver = needs_resolver(sandbox);
    input_.own_network_namespace = true;
    input_.network_namespace = core_.networks->namespace_file(data_.id);
    network_ = std::async(std::launch::async, [this, published = !sandbox.ports.empty()]() -> Status {
        TRY(core_.networks->build(data_.id, user_namespace()));
        if (published) {
            TRY(core_.publish_on_loopback());
        }
        return core_.open_names(data_);
    });
    return {};
}

Result<int> Preparation::process_of(const std::string &reference) {
    const ContainerPtr other = TRY(core_.find(reference));
    const Snapshot snapshot = other->snapshot();
    if (other == container_ || !snapshot.state.running()) {
        return fail(EBUSY, "cannot join network of a non running container: " + other->id);
    }
    return snapshot.state.pid;
}

Status Preparation::write_files() {
    if (const std::optional<std::string> other = joined_container(data_.host.network_mode)) {
        const Snapshot joined = TRY(core_.find(*other))->snapshot();
        share_container_files(data_, joined);
        data_.config.hostname = joined.config.hostname;
        data_.config.domainname = joined.config.domainname;
        return {};
    }
    if (data_.pod.is_sandbox()) {
        TRY(write_container_files(data_, path_.disk, {}, files_));
        const std::optional<cni::Dns> &dns = data_.pod.dns;
        return !dns ? Status()
                    : write_file(data_.resolv_conf_path,
                                 dns::write_resolv_conf(
                                     {.servers = dns->servers, .search = dns->searches, .options = dns->options}));
    }
    return write_container_files(data_, path_.disk, name_settings(data_.host, settings_), files_);
}

Status Preparation::join_namespaces() {
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
    if (data_.pod.is_container() && data_.host.uts_mode.empty()) {
        input_.uts_namespace = TRY(joined("container:" + data_.pod.sandbox, "uts"));
    }
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

Status Preparation::mount_shm() {
    input_.shm = path_.run / "shm";
    TRY(make_directories(input_.shm, 0700));
    std::string options = "mode=1777,size=" + std::to_string(data_.host.shm_size);
    if (users_ != nullptr) {
        options += ",uid=" + std::to_string(users_->root.first) + ",gid=" + std::to_string(users_->root.second);
    }
    if (mount("shm", input_.shm.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0) {
        return fail_errno("mount /dev/shm");
    }
    return {};
}

Status Preparation::prepare_mounts() {
    for (MountPoint &mount : data_.mounts) {
        TRY(make_bind_source(mount));
        std::string source = mount.source;
        if (mount.type == "volume") {
            source = TRY(volume_source(mount));
        }
        if (mount.type == "image") {
            const std::string number = std::to_string(input_.volume_sources.size());
            source = TRY(mount_image(core_.images, mount, path_.run / "images" / number, users_));
        }
        input_.volume_sources.push_back(source);
    }
    return {};
}

Result<std::string> Preparation::volume_source(const MountPoint &mount) {
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
    if (mount.subpath.empty()) {
        return place.string();
    }
    // A descriptor would not survive until ballast-oci opens it: whoever writes to the volume at this
    // moment could lead it elsewhere, so no part of it may be a link.
    const std::optional<fs::path> found = below_without_links(place, mount.subpath);
    if (!found) {
        return fail(EINVAL, "cannot access path " + quote(mount.subpath) + " of the volume");
    }
    return found->string();
}

Status Preparation::plan() {
    input_.container = &data_;
    input_.host = core_.host;
    input_.user = TRY(look_up_user(TRY(RootDir::open(path_.rootfs)), data_.config.user, data_.host.group_add,
                                   memberships_of(data_.pod)));
    data_.pod.user = Pod::User{.uid = input_.user.uid,
                               .gid = input_.user.gid,
                               .groups = {input_.user.groups.begin(), input_.user.groups.end()}};
    input_.rootfs = path_.rootfs;
    if (data_.pod.is_sandbox()) {
        input_.pause_program = settings_.program(settings_.pause_program, "ballast-pause");
    }
    if (data_.host.init.value_or(settings_.init)) {
        input_.init_program = settings_.program(settings_.init_program, "ballast-container-init");
    }
    if (settings_.cgroups) {
        scope_ = TRY(plan_scope(data_.id,
                                data_.host.cgroup_parent.empty() ? settings_.cgroup_parent : data_.host.cgroup_parent));
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
    return write_file(path_.bundle / "config.json", TRY(plan_config(input_)), 0600);
}

} // namespace ballast::engine
