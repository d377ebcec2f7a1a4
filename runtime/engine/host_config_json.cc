// SPDX-License-Identifier: Apache-2.0
// The half of the model that a host may refuse: HostConfig, with resources, mounts and ports.
#include <array>
#include <nlohmann/json.hpp>

#include "base/json/json_take.h"
#include "runtime/engine/model_json.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kRestartKinds = std::to_array<NamedNumber>({
    {"", 0},
    {"no", 0},
    {"always", 1},
    {"unless-stopped", 2},
    {"on-failure", 3},
});

const char *restart_name(RestartPolicy::Kind kind) {
    switch (kind) {
    case RestartPolicy::Kind::kNo:
        return "no";
    case RestartPolicy::Kind::kAlways:
        return "always";
    case RestartPolicy::Kind::kUnlessStopped:
        return "unless-stopped";
    case RestartPolicy::Kind::kOnFailure:
        return "on-failure";
    }
    return "no";
}

void read_throttle(const JsonCursor &from, ThrottleDevice &device) {
    take(from.at("Path"), device.path);
    take(from.at("Rate"), device.rate);
}

Json throttle_json(const std::vector<ThrottleDevice> &devices) {
    Json json = Json::array();
    for (const ThrottleDevice &device : devices) {
        json.push_back({{"Path", device.path}, {"Rate", device.rate}});
    }
    return json;
}

void read_device_request(const JsonCursor &from, DeviceRequest &request) {
    take(from.at("Driver"), request.driver);
    take(from.at("Count"), request.count);
    take(from.at("DeviceIDs"), request.device_ids);
    take_list(from.at("Capabilities"), request.capabilities,
              [](const JsonCursor &item, Texts &texts) { texts = item.texts(); });
    take(from.at("Options"), request.options);
}

void put_resources(Json &json, const Resources &resources) {
    json["CpuShares"] = resources.cpu_shares;
    json["Memory"] = resources.memory;
    json["NanoCpus"] = resources.nano_cpus;
    json["CgroupParent"] = resources.cgroup_parent;
    json["BlkioWeight"] = resources.blkio_weight;
    json["BlkioWeightDevice"] = Json::array();
    for (const WeightDevice &device : resources.blkio_weight_device) {
        json["BlkioWeightDevice"].push_back({{"Path", device.path}, {"Weight", device.weight}});
    }
    json["BlkioDeviceReadBps"] = throttle_json(resources.blkio_read_bps);
    json["BlkioDeviceWriteBps"] = throttle_json(resources.blkio_write_bps);
    json["BlkioDeviceReadIOps"] = throttle_json(resources.blkio_read_iops);
    json["BlkioDeviceWriteIOps"] = throttle_json(resources.blkio_write_iops);
    json["CpuPeriod"] = resources.cpu_period;
    json["CpuQuota"] = resources.cpu_quota;
    json["CpuRealtimePeriod"] = resources.cpu_realtime_period;
    json["CpuRealtimeRuntime"] = resources.cpu_realtime_runtime;
    json["CpusetCpus"] = resources.cpuset_cpus;
    json["CpusetMems"] = resources.cpuset_mems;
    json["Devices"] = Json::array();
    for (const DeviceMapping &device : resources.devices) {
        json["Devices"].push_back({{"PathOnHost", device.path_on_host},
                                   {"PathInContainer", device.path_in_container},
                                   {"CgroupPermissions", device.cgroup_permissions}});
    }
    json["DeviceCgroupRules"] =
        resources.device_cgroup_rules.empty() ? Json(nullptr) : Json(resources.device_cgroup_rules);
    json["DeviceRequests"] = nullptr; // refused at create
    json["MemoryReservation"] = resources.memory_reservation;
    json["MemorySwap"] = resources.memory_swap;
    json["MemorySwappiness"] = resources.memory_swappiness ? Json(*resources.memory_swappiness) : Json(nullptr);
    json["OomKillDisable"] = resources.oom_kill_disable;
    json["PidsLimit"] = resources.pids_limit ? Json(*resources.pids_limit) : Json(nullptr);
    json["Ulimits"] = Json::array();
    for (const Ulimit &limit : resources.ulimits) {
        json["Ulimits"].push_back({{"Name", limit.name}, {"Hard", limit.hard}, {"Soft", limit.soft}});
    }
    if (resources.init) {
        json["Init"] = *resources.init;
    }
}

Json mount_json(const MountSpec &mount) {
    Json json = {{"Type", mount.type}};
    if (!mount.source.empty()) {
        json["Source"] = mount.source;
    }
    json["Target"] = mount.target;
    if (mount.read_only) {
        json["ReadOnly"] = true;
    }
    if (mount.bind) {
        json["BindOptions"] = {{"Propagation", mount.bind->propagation},
                               {"NonRecursive", mount.bind->non_recursive},
                               {"CreateMountpoint", mount.bind->create_mountpoint},
                               {"ReadOnlyNonRecursive", mount.bind->read_only_non_recursive},
                               {"ReadOnlyForceRecursive", mount.bind->read_only_force_recursive}};
    }
    if (mount.volume) {
        json["VolumeOptions"] = {
            {"NoCopy", mount.volume->no_copy},
            {"Labels", mount.volume->labels},
            {"Subpath", mount.volume->subpath},
            {"DriverConfig", {{"Name", mount.volume->driver}, {"Options", mount.volume->options}}}};
    }
    if (mount.tmpfs) {
        json["TmpfsOptions"] = {{"SizeBytes", mount.tmpfs->size_bytes}, {"Mode", mount.tmpfs->mode}};
    }
    if (mount.image) {
        json["ImageOptions"] = {{"Subpath", mount.image->subpath}};
    }
    return json;
}

Json port_bindings_json(const std::map<std::string, std::vector<PortBinding>> &bindings) {
    Json json = Json::object();
    for (const auto &[port, hosts] : bindings) {
        json[port] = Json::array();
        for (const PortBinding &host : hosts) {
            json[port].push_back({{"HostIp", host.host_ip}, {"HostPort", host.host_port}});
        }
    }
    return json;
}

void read_port_bindings(const JsonCursor &from, std::map<std::string, std::vector<PortBinding>> &bindings) {
    if (!from.given()) {
        return;
    }
    bindings.clear();
    for (const JsonCursor member : from.members()) {
        take_list(from.at(member.name()), bindings[std::string(member.name())],
                  [](const JsonCursor &item, PortBinding &binding) {
                      take(item.at("HostIp"), binding.host_ip);
                      take(item.at("HostPort"), binding.host_port);
                  });
    }
}

void read_console_size(const JsonCursor &from, HostConfig &host) {
    std::array<std::uint16_t *, 2> sides = {&host.console_height, &host.console_width};
    std::size_t side = 0;
    for (const JsonCursor item : from.items(2)) {
        *sides[side++] = item.number<std::uint16_t>();
    }
}

} // namespace

void read_resources(const JsonCursor &from, Resources &resources) {
    take(from.at("CpuShares"), resources.cpu_shares);
    take(from.at("Memory"), resources.memory);
    take(from.at("NanoCpus"), resources.nano_cpus);
    take(from.at("CgroupParent"), resources.cgroup_parent);
    take(from.at("BlkioWeight"), resources.blkio_weight);
    take_list(from.at("BlkioWeightDevice"), resources.blkio_weight_device,
              [](const JsonCursor &item, WeightDevice &device) {
                  take(item.at("Path"), device.path);
                  take(item.at("Weight"), device.weight);
              });
    take_list(from.at("BlkioDeviceReadBps"), resources.blkio_read_bps, read_throttle);
    take_list(from.at("BlkioDeviceWriteBps"), resources.blkio_write_bps, read_throttle);
    take_list(from.at("BlkioDeviceReadIOps"), resources.blkio_read_iops, read_throttle);
    take_list(from.at("BlkioDeviceWriteIOps"), resources.blkio_write_iops, read_throttle);
    take(from.at("CpuPeriod"), resources.cpu_period);
    take(from.at("CpuQuota"), resources.cpu_quota);
    take(from.at("CpuRealtimePeriod"), resources.cpu_realtime_period);
    take(from.at("CpuRealtimeRuntime"), resources.cpu_realtime_runtime);
    take(from.at("CpusetCpus"), resources.cpuset_cpus);
    take(from.at("CpusetMems"), resources.cpuset_mems);
    take_list(from.at("Devices"), resources.devices, [](const JsonCursor &item, DeviceMapping &device) {
        take(item.at("PathOnHost"), device.path_on_host);
        take(item.at("PathInContainer"), device.path_in_container);
        take(item.at("CgroupPermissions"), device.cgroup_permissions);
    });
    take(from.at("DeviceCgroupRules"), resources.device_cgroup_rules);
    take_list(from.at("DeviceRequests"), resources.device_requests, read_device_request);
    take(from.at("MemoryReservation"), resources.memory_reservation);
    take(from.at("MemorySwap"), resources.memory_swap);
    take(from.at("MemorySwappiness"), resources.memory_swappiness);
    if (resources.memory_swappiness == -1) {
        resources.memory_swappiness.reset(); // how the docker client says that it was not given
    }
    take(from.at("OomKillDisable"), resources.oom_kill_disable);
    take(from.at("Init"), resources.init);
    take(from.at("PidsLimit"), resources.pids_limit);
    take_list(from.at("Ulimits"), resources.ulimits, [](const JsonCursor &item, Ulimit &limit) {
        take(item.at("Name"), limit.name);
        take(item.at("Soft"), limit.soft);
        take(item.at("Hard"), limit.hard);
    });
}

void read_restart_policy(const JsonCursor &from, RestartPolicy &policy) {
    if (const NamedNumber *kind = from.at("Name").one_of(kRestartKinds, "a restart policy")) {
        policy.kind = static_cast<RestartPolicy::Kind>(kind->number);
    }
    take(from.at("MaximumRetryCount"), policy.maximum_retry_count);
}

void read_mount(const JsonCursor &from, MountSpec &mount) {
    take(from.at("Type"), mount.type);
    take(from.at("Source"), mount.source);
    take(from.at("Target"), mount.target);
    take(from.at("ReadOnly"), mount.read_only);
    if (const JsonCursor options = from.at("BindOptions"); options.given()) {
        MountSpec::Bind &bind = mount.bind.emplace();
        take(options.at("Propagation"), bind.propagation);
        take(options.at("NonRecursive"), bind.non_recursive);
        take(options.at("CreateMountpoint"), bind.create_mountpoint);
        take(options.at("ReadOnlyNonRecursive"), bind.read_only_non_recursive);
        take(options.at("ReadOnlyForceRecursive"), bind.read_only_force_recursive);
    }
    if (const JsonCursor options = from.at("VolumeOptions"); options.given()) {
        MountSpec::Volume &volume = mount.volume.emplace();
        take(options.at("NoCopy"), volume.no_copy);
        take(options.at("Labels"), volume.labels);
        take(options.at("Subpath"), volume.subpath);
        take(options.at("DriverConfig").at("Name"), volume.driver);
        take(options.at("DriverConfig").at("Options"), volume.options);
    }
    if (const JsonCursor options = from.at("TmpfsOptions"); options.given()) {
        MountSpec::Tmpfs &tmpfs = mount.tmpfs.emplace();
        take(options.at("SizeBytes"), tmpfs.size_bytes);
        take(options.at("Mode"), tmpfs.mode);
    }
    if (const JsonCursor options = from.at("ImageOptions"); options.given()) {
        take(options.at("Subpath"), mount.image.emplace().subpath);
    }
}

void read_host_config(const JsonCursor &from, HostConfig &host) {
    read_resources(from, host);
    take(from.at("Binds"), host.binds);
    take(from.at("ContainerIDFile"), host.container_id_file);
    take(from.at("LogConfig").at("Type"), host.log_config.type);
    take(from.at("LogConfig").at("Config"), host.log_config.config);
    take(from.at("NetworkMode"), host.network_mode);
    read_port_bindings(from.at("PortBindings"), host.port_bindings);
    read_restart_policy(from.at("RestartPolicy"), host.restart_policy);
    take(from.at("AutoRemove"), host.auto_remove);
    take(from.at("VolumeDriver"), host.volume_driver);
    take(from.at("VolumesFrom"), host.volumes_from);
    take_list(from.at("Mounts"), host.mounts, read_mount);
    read_console_size(from.at("ConsoleSize"), host);
    take(from.at("Annotations"), host.annotations);
    take(from.at("CapAdd"), host.cap_add);
    take(from.at("CapDrop"), host.cap_drop);
    take(from.at("CgroupnsMode"), host.cgroupns_mode);
    take(from.at("Dns"), host.dns);
    take(from.at("DnsOptions"), host.dns_options);
    take(from.at("DnsSearch"), host.dns_search);
    take(from.at("ExtraHosts"), host.extra_hosts);
    take(from.at("GroupAdd"), host.group_add);
    take(from.at("IpcMode"), host.ipc_mode);
    take(from.at("Cgroup"), host.cgroup);
    take(from.at("Links"), host.links);
    take(from.at("OomScoreAdj"), host.oom_score_adj);
    take(from.at("PidMode"), host.pid_mode);
    take(from.at("Privileged"), host.privileged);
    take(from.at("PublishAllPorts"), host.publish_all_ports);
    take(from.at("ReadonlyRootfs"), host.read_only_rootfs);
    take(from.at("SecurityOpt"), host.security_opt);
    take(from.at("StorageOpt"), host.storage_opt);
    take(from.at("Tmpfs"), host.tmpfs);
    take(from.at("UTSMode"), host.uts_mode);
    take(from.at("UsernsMode"), host.userns_mode);
    take(from.at("ShmSize"), host.shm_size);
    take(from.at("Sysctls"), host.sysctls);
    take(from.at("Runtime"), host.runtime);
    take(from.at("Isolation"), host.isolation);
    take(from.at("MaskedPaths"), host.masked_paths);
    take(from.at("ReadonlyPaths"), host.readonly_paths);
}

Json host_config_json(const HostConfig &host) {
    const auto texts_or_null = [](const Texts &texts) { return texts.empty() ? Json(nullptr) : Json(texts); };
    Json json = {
        {"Binds", texts_or_null(host.binds)},
        {"ContainerIDFile", host.container_id_file},
        {"LogConfig", {{"Type", host.log_config.type}, {"Config", host.log_config.config}}},
        {"NetworkMode", host.network_mode},
        {"PortBindings", port_bindings_json(host.port_bindings)},
        {"RestartPolicy",
         {{"Name", restart_name(host.restart_policy.kind)},
          {"MaximumRetryCount", host.restart_policy.maximum_retry_count}}},
        {"AutoRemove", host.auto_remove},
        {"VolumeDriver", host.volume_driver},
        {"VolumesFrom", texts_or_null(host.volumes_from)},
        {"ConsoleSize", {host.console_height, host.console_width}},
        {"CapAdd", texts_or_null(host.cap_add)},
        {"CapDrop", texts_or_null(host.cap_drop)},
        {"CgroupnsMode", host.cgroupns_mode},
        {"Dns", host.dns},
        {"DnsOptions", host.dns_options},
        {"DnsSearch", host.dns_search},
        {"ExtraHosts", texts_or_null(host.extra_hosts)},
        {"GroupAdd", texts_or_null(host.group_add)},
        {"IpcMode", host.ipc_mode},
        {"Cgroup", host.cgroup},
        {"Links", texts_or_null(host.links)},
        {"OomScoreAdj", host.oom_score_adj},
        {"PidMode", host.pid_mode},
        {"Privileged", host.privileged},
        {"PublishAllPorts", host.publish_all_ports},
        {"ReadonlyRootfs", host.read_only_rootfs},
        {"SecurityOpt", texts_or_null(host.security_opt)},
        {"UTSMode", host.uts_mode},
        {"UsernsMode", host.userns_mode},
        {"ShmSize", host.shm_size},
        {"Runtime", host.runtime},
        {"Isolation", host.isolation},
    };
    put_resources(json, host);
    if (!host.annotations.empty()) {
        json["Annotations"] = host.annotations;
    }
    if (!host.mounts.empty()) {
        json["Mounts"] = Json::array();
        for (const MountSpec &mount : host.mounts) {
            json["Mounts"].push_back(mount_json(mount));
        }
    }
    if (!host.storage_opt.empty()) {
        json["StorageOpt"] = host.storage_opt;
    }
    if (!host.tmpfs.empty()) {
        json["Tmpfs"] = host.tmpfs;
    }
    if (!host.sysctls.empty()) {
        json["Sysctls"] = host.sysctls;
    }
    json["MaskedPaths"] = host.masked_paths ? Json(*host.masked_paths) : Json(nullptr);
    json["ReadonlyPaths"] = host.readonly_paths ? Json(*host.readonly_paths) : Json(nullptr);
    return json;
}

} // namespace ballast::engine
