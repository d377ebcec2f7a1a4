// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/record.h"

#include <nlohmann/json.hpp>

#include "base/json/json_cursor.h"
#include "runtime/engine/model_json.h"
#include "runtime/engine/names.h"
#include "runtime/engine/pod_json.h"

namespace ballast::engine {
namespace {

using Json = nlohmann::ordered_json;
constexpr unsigned kVersion = 1;

std::int64_t number(Time time) { return time.time_since_epoch().count(); }
Time time_of(const JsonCursor &from) { return Time(Nanoseconds(from.number<std::int64_t>())); }

Json health_json(const Health &health) {
    Json results = Json::array();
    for (const HealthResult &result : health.log) {
        results.push_back({{"Start", number(result.start)},
                           {"End", number(result.end)},
                           {"ExitCode", result.exit_code},
                           {"Output", result.output}});
    }
    return {{"Status", health.status}, {"FailingStreak", health.failing_streak}, {"Log", std::move(results)}};
}

Health read_health(const JsonCursor &from) {
    Health health{
        .status = from.at("Status").text(), .failing_streak = from.at("FailingStreak").number<int>(), .log = {}};
    for (const JsonCursor result : from.at("Log").items()) {
        health.log.push_back({.start = time_of(result.at("Start")),
                              .end = time_of(result.at("End")),
                              .exit_code = result.at("ExitCode").number<int>(),
                              .output = result.at("Output").text()});
    }
    return health;
}

Json state_json(const State &state) {
    Json json = {{"Phase", phase_name(state.phase)},
                 {"OOMKilled", state.oom_killed},
                 {"Pid", state.pid},
                 {"ExitCode", state.exit_code},
                 {"Error", state.error},
                 {"StartedAt", number(state.started_at)},
                 {"FinishedAt", number(state.finished_at)}};
    if (state.health) {
        json["Health"] = health_json(*state.health);
    }
    return json;
}

void read_state(const JsonCursor &from, State &state) {
    const std::optional<Phase> phase = phase_of(from.need("Phase").view());
    if (!phase) {
        from.at("Phase").refuse("a state");
        return;
    }
    state.phase = *phase;
    state.oom_killed = from.at("OOMKilled").boolean();
    state.pid = from.at("Pid").number<int>(0);
    state.exit_code = from.at("ExitCode").number<int>();
    state.error = from.at("Error").text();
    state.started_at = time_of(from.at("StartedAt"));
    state.finished_at = time_of(from.at("FinishedAt"));
    if (const JsonCursor health = from.at("Health"); health.given()) {
        state.health = read_health(health);
    }
}

Json mount_record(const MountPoint &mount) {
    Json json = mount_point_json(mount);
    json["CopyUp"] = mount.copy_up;
    json["Anonymous"] = mount.anonymous;
    json["RecursiveReadOnly"] = mount.recursive_read_only;
    json["NonRecursive"] = mount.non_recursive;
    json["MapOwners"] = mount.map_owners;
    json["CreateSource"] = mount.create_source;
    json["Subpath"] = mount.subpath;
    json["TmpfsSize"] = mount.tmpfs.size_bytes;
    json["TmpfsMode"] = mount.tmpfs.mode;
    json["TmpfsOptions"] = mount.tmpfs_options;
    return json;
}

MountPoint read_mount_record(const JsonCursor &from) {
    MountPoint mount;
    mount.type = from.need("Type").text();
    mount.name = from.at("Name").text();
    mount.source = from.at("Source").text();
    mount.destination = from.need("Destination").absolute_path();
    mount.driver = from.at("Driver").text();
    mount.mode = from.at("Mode").text();
    mount.writable = from.at("RW").boolean();
    mount.propagation = from.at("Propagation").text();
    mount.copy_up = from.at("CopyUp").boolean();
    mount.anonymous = from.at("Anonymous").boolean();
    mount.recursive_read_only = from.at("RecursiveReadOnly").boolean();
    mount.non_recursive = from.at("NonRecursive").boolean();
    mount.map_owners = from.at("MapOwners").boolean();
    mount.create_source = from.at("CreateSource").boolean();
    mount.subpath = from.at("Subpath").text();
    mount.tmpfs.size_bytes = from.at("TmpfsSize").number<std::int64_t>();
    mount.tmpfs.mode = from.at("TmpfsMode").number<std::uint32_t>();
    mount.tmpfs_options = from.at("TmpfsOptions").text();
    return mount;
}

Json ranges_json(const std::vector<oci::IdMapping> &ranges) {
    Json json = Json::array();
    for (const oci::IdMapping &range : ranges) {
        json.push_back({{"Inside", range.container_id}, {"Host", range.host_id}, {"Count", range.size}});
    }
    return json;
}

std::vector<oci::IdMapping> read_ranges(const JsonCursor &from) {
    std::vector<oci::IdMapping> ranges;
    for (const JsonCursor range : from.items()) {
        ranges.push_back({.container_id = range.at("Inside").number<std::uint32_t>(),
                          .host_id = range.at("Host").number<std::uint32_t>(),
                          .size = range.at("Count").number<std::uint32_t>()});
    }
    return ranges;
}

} // namespace

std::string record_text(const Snapshot &container) {
    Json json = {{"Version", kVersion},
                 {"ID", container.id},
                 {"Name", container.name},
                 {"Created", number(container.created)},
                 {"Image", container.image_id},
                 {"ImageManifest", container.image_manifest_digest},
                 {"RestartCount", container.restart_count},
                 {"ManuallyStopped", container.has_been_manually_stopped},
                 {"RemovesVolumes", container.removes_volumes},
                 {"LogPath", container.log_path},
                 {"State", state_json(container.state)},
                 {"Config", config_json(container.config)},
                 {"HostConfig", host_config_json(container.host)},
                 {"Networking", networking_json(container.networking)},
                 {"Mounts", Json::array()}};
    for (const MountPoint &mount : container.mounts) {
        json["Mounts"].push_back(mount_record(mount));
    }
    if (container.pod.given()) {
        json["Pod"] = pod_json(container.pod);
    }
    if (container.ids.given()) {
        json["Ids"] = {{"Users", ranges_json(container.ids.uids)}, {"Groups", ranges_json(container.ids.gids)}};
    }
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Snapshot> parse_record(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    (void)root.need("Version").number<unsigned>(kVersion, kVersion); // a wrong one is noted in the document
    Snapshot container;
    container.id = root.need("ID").text();
    container.name = root.need("Name").text();
    container.created = time_of(root.need("Created"));
    container.image_id = root.at("Image").text();
    container.image_manifest_digest = root.at("ImageManifest").text();
    container.restart_count = root.at("RestartCount").number<int>();
    container.has_been_manually_stopped = root.at("ManuallyStopped").boolean();
    container.removes_volumes = root.at("RemovesVolumes").boolean();
    container.log_path = root.at("LogPath").text();
    read_state(root.need("State"), container.state);
    read_config(root.need("Config"), container.config);
    read_host_config(root.need("HostConfig"), container.host);
    read_networking(root.at("Networking"), container.networking);
    for (const JsonCursor mount : root.at("Mounts").items()) {
        container.mounts.push_back(read_mount_record(mount));
    }
    if (const JsonCursor pod = root.at("Pod"); pod.given()) {
        read_pod(pod, container.pod);
    }
    container.ids = {.uids = read_ranges(root.at("Ids").at("Users")), .gids = read_ranges(root.at("Ids").at("Groups"))};
    if (!document.failed() && (!is_id(container.id) || !check_name(container.name, "container"))) {
        root.fail("ID or Name is none");
    }
    TRY(document.status());
    return container;
}

} // namespace ballast::engine
