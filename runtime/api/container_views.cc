// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sys/stat.h>

#include "runtime/api/status_text.h"
#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"

namespace ballast::api {
namespace {

using engine::Snapshot;

Json health_view(const engine::Health &health) {
    Json log = Json::array();
    for (const engine::HealthResult &result : health.log) {
        log.push_back({{"Start", engine::time_text(result.start)},
                       {"End", engine::time_text(result.end)},
                       {"ExitCode", result.exit_code},
                       {"Output", result.output}});
    }
    return {{"Status", health.status}, {"FailingStreak", health.failing_streak}, {"Log", std::move(log)}};
}

Json state_view(const engine::State &state) {
    using engine::Phase;
    Json view{{"Status", engine::phase_name(state.phase)},
              {"Running", state.running() || state.phase == Phase::kRestarting},
              {"Paused", state.phase == Phase::kPaused},
              {"Restarting", state.phase == Phase::kRestarting},
              {"OOMKilled", state.oom_killed},
              {"Dead", state.dead},
              {"Pid", state.pid},
              {"ExitCode", state.exit_code},
              {"Error", state.error},
              {"StartedAt", engine::time_text(state.started_at)},
              {"FinishedAt", engine::time_text(state.finished_at)}};
    if (state.health) {
        view["Health"] = health_view(*state.health);
    }
    return view;
}

Json mounts_of(const Snapshot &container) {
    Json mounts = Json::array();
    for (const engine::MountPoint &mount : container.mounts) {
        mounts.push_back(engine::mount_point_json(mount));
    }
    return mounts;
}

// As `docker ps` shows it: arguments with spaces in quotes.
std::string command_of(const Snapshot &container) {
    std::string command = container.path;
    for (const std::string &argument : container.args) {
        command += argument.contains(' ') ? " '" + argument + "'" : " " + argument;
    }
    return command;
}

std::int64_t unix_seconds(engine::Time time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

} // namespace

Json container_view(const Snapshot &container) {
    Json view{{"Id", container.id},
              {"Created", engine::time_text(container.created)},
              {"Path", container.path},
              {"Args", container.args},
              {"State", state_view(container.state)},
              {"Image", container.image_id},
              {"ResolvConfPath", container.resolv_conf_path},
              {"HostnamePath", container.hostname_path},
              {"HostsPath", container.hosts_path},
              {"LogPath", container.log_path},
              {"Name", "/" + container.name},
              {"RestartCount", container.restart_count},
              {"Driver", "overlay2"},
              {"Platform", "linux"},
              {"MountLabel", container.mount_label},
              {"ProcessLabel", container.process_label},
              {"AppArmorProfile", container.apparmor_profile},
              {"ExecIDs", container.exec_ids.empty() ? Json(nullptr) : Json(container.exec_ids)},
              {"HostConfig", engine::host_config_json(container.host)},
              {"GraphDriver", {{"Data", container.graph_driver}, {"Name", "overlay2"}}}};
    if (container.size_rw) {
        view["SizeRw"] = *container.size_rw;
        view["SizeRootFs"] = container.size_root_fs.value_or(0);
    }
    view["Mounts"] = mounts_of(container);
    view["Config"] = engine::config_json(container.config);
    view["NetworkSettings"] = network_settings(container);
    return view;
}

Json container_summary(const Snapshot &container, const std::string &image, engine::Time now, bool size) {
    Json view{{"Id", container.id},
              {"Names", {"/" + container.name}},
              {"Image", image},
              {"ImageID", container.image_id},
              {"Command", command_of(container)},
              {"Created", unix_seconds(container.created)},
              {"Ports", port_list(container)},
              {"Labels", Json(container.config.labels)},
              {"State", engine::phase_name(container.state.phase)},
              {"Status", status_text(container.state, now)},
              {"HostConfig", {{"NetworkMode", container.host.network_mode}}},
              {"NetworkSettings", {{"Networks", networks_of(container)}}},
              {"Mounts", mounts_of(container)}};
    if (container.config.labels.empty()) {
        view["Labels"] = Json::object();
    }
    if (size) {
        view["SizeRw"] = container.size_rw.value_or(0);
        view["SizeRootFs"] = container.size_root_fs.value_or(0);
    }
    return view;
}

Json exec_view(const engine::ExecState &exec) {
    const engine::ExecConfig &config = exec.config;
    Json arguments = Json::array();
    for (std::size_t place = 1; place < config.cmd.size(); place++) {
        arguments.push_back(config.cmd[place]);
    }
    return {{"ID", exec.id},
            {"Running", exec.running},
            {"ExitCode", exec.exit_code ? Json(*exec.exit_code) : Json(nullptr)},
            {"ProcessConfig",
             {{"tty", config.tty},
              {"entrypoint", config.cmd.empty() ? "" : config.cmd.front()},
              {"arguments", std::move(arguments)},
              {"privileged", config.privileged},
              {"user", config.user}}},
            {"OpenStdin", config.attach_stdin},
            {"OpenStderr", config.attach_stderr},
            {"OpenStdout", config.attach_stdout},
            {"CanRemove", exec.can_remove},
            {"ContainerID", exec.container_id},
            {"DetachKeys", config.detach_keys},
            {"Pid", exec.pid}};
}

Json volume_view(const engine::VolumeView &volume) {
    Json view{{"CreatedAt", engine::time_text(volume.created)},
              {"Driver", volume.driver},
              {"Labels", volume.labels.empty() ? Json(nullptr) : Json(volume.labels)},
              {"Mountpoint", volume.mountpoint},
              {"Name", volume.name},
              {"Options", volume.options.empty() ? Json(nullptr) : Json(volume.options)},
              {"Scope", "local"}};
    if (volume.size) {
        view["UsageData"] = {{"Size", *volume.size}, {"RefCount", volume.references.value_or(-1)}};
    }
    return view;
}

Json event_view(const engine::Event &event) {
    Json view = Json::object();
    // Fields of clients before 1.22 that are still read.
    if (event.type == "container" || event.type == "image") {
        view["status"] = event.action;
        view["id"] = event.actor;
        if (const auto image = event.attributes.find("image"); image != event.attributes.end()) {
            view["from"] = image->second;
        }
    }
    view["Type"] = event.type;
    view["Action"] = event.action;
    view["Actor"] = {{"ID", event.actor}, {"Attributes", Json::object()}};
    for (const auto &[name, value] : event.attributes) {
        view["Actor"]["Attributes"][name] = value;
    }
    view["scope"] = "local";
    view["time"] = unix_seconds(event.time);
    view["timeNano"] = event.time.time_since_epoch().count();
    return view;
}

std::uint32_t go_file_mode(std::uint32_t mode) {
    constexpr std::uint32_t kDirectory = 1U << 31, kLink = 1U << 27, kDevice = 1U << 26, kPipe = 1U << 25,
                            kSocket = 1U << 24, kSetUid = 1U << 23, kSetGid = 1U << 22, kCharacter = 1U << 21,
                            kSticky = 1U << 20;
    std::uint32_t result = mode & 0777U;
    switch (mode & S_IFMT) {
    case S_IFDIR:
        result |= kDirectory;
        break;
    case S_IFLNK:
        result |= kLink;
        break;
    case S_IFIFO:
        result |= kPipe;
        break;
    case S_IFSOCK:
        result |= kSocket;
        break;
    case S_IFBLK:
        result |= kDevice;
        break;
    case S_IFCHR:
        result |= kDevice | kCharacter;
        break;
    default:
        break;
    }
    result |= (mode & S_ISUID) != 0 ? kSetUid : 0;
    result |= (mode & S_ISGID) != 0 ? kSetGid : 0;
    result |= (mode & S_ISVTX) != 0 ? kSticky : 0;
    return result;
}

} // namespace ballast::api
