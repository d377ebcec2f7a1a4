// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_container_request.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/quote.h"
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_security_request.h"
#include "runtime/api/cri_user_namespace.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;

Result<std::string> read_propagation(cri::MountPropagation propagation) {
    switch (propagation) {
    case cri::PROPAGATION_PRIVATE:
        return "rprivate";
    case cri::PROPAGATION_HOST_TO_CONTAINER:
        return "rslave";
    case cri::PROPAGATION_BIDIRECTIONAL:
        return "rshared";
    default:
        return unknown_value("mounts: propagation", propagation);
    }
}

Result<engine::MountSpec> read_image_mount(const cri::Mount &from, const std::string &what) {
    if (from.image().image().empty() || !from.container_path().starts_with('/')) {
        return fail(EINVAL, what + "want the image's name or id, and an absolute path in container_path");
    }
    if (!from.host_path().empty()) {
        return fail(EINVAL, what + "want host_path or image, not both");
    }
    engine::MountSpec mount{.type = "image", .source = from.image().image(), .target = from.container_path()};
    mount.read_only = true;
    mount.image = engine::MountSpec::Image{.subpath = from.image_sub_path()};
    return mount;
}

Result<engine::MountSpec> read_mount(const cri::Mount &from) {
    const std::string what = "mounts: " + quote(from.container_path()) + ": ";
    if (from.has_image()) {
        return read_image_mount(from, what);
    }
    if (!from.host_path().starts_with('/') || !from.container_path().starts_with('/')) {
        return fail(EINVAL, what + "want absolute paths in host_path and container_path");
    }
    if (from.recursive_read_only() && (!from.readonly() || from.propagation() != cri::PROPAGATION_PRIVATE)) {
        return fail(EINVAL, what + "recursive_read_only takes readonly and private propagation as well");
    }
    engine::MountSpec mount{.type = "bind", .source = from.host_path(), .target = from.container_path()};
    mount.read_only = from.readonly();
    mount.bind = engine::MountSpec::Bind{
        .propagation = TRY(read_propagation(from.propagation())),
        .create_mountpoint = true,
        .read_only_non_recursive = !from.recursive_read_only(),
        .ids = TRY(read_id_mappings(from.uidmappings(), from.gidmappings(), what + "uidMappings and gidMappings"))};
    return mount;
}

// SIGRTMINPLUS3 is "SIGRTMIN+3".
Result<std::string> read_signal(cri::Signal signal) {
    if (signal == cri::RUNTIME_DEFAULT) {
        return "";
    }
    if (!cri::Signal_IsValid(signal)) {
        return unknown_value("stop_signal", signal);
    }
    std::string name = cri::Signal_Name(signal).substr(std::string_view("CRI_").size());
    for (const auto &[word, sign] : {std::pair<std::string_view, const char *>{"PLUS", "+"}, {"MINUS", "-"}}) {
        if (const std::size_t at = name.find(word); at != std::string::npos) {
            name.replace(at, word.size(), sign);
        }
    }
    return name;
}

Result<engine::Texts> read_environment(const cri::ContainerConfig &config) {
    engine::Texts environment;
    for (const cri::KeyValue &variable : config.envs()) {
        if (variable.key().empty() || variable.key().contains('=') || variable.key().contains('\0') ||
            variable.value().contains('\0')) {
            return fail(EINVAL, "envs: " + quote(variable.key()) + " is no variable");
        }
        environment.push_back(variable.key() + "=" + variable.value());
    }
    return environment;
}

Status read_mounts_and_devices(const cri::ContainerConfig &config, engine::HostConfig &host) {
    for (const cri::Mount &mount : config.mounts()) {
        host.mounts.push_back(TRY(read_mount(mount)));
    }
    for (const cri::Device &device : config.devices()) {
        host.devices.push_back({.path_on_host = device.host_path(),
                                .path_in_container = device.container_path(),
                                .cgroup_permissions = device.permissions()});
    }
    if (config.cdi_devices_size() > 0) {
        return fail(ENOTSUP, "CDI_devices: this engine reads no specifications of CDI; name the devices themselves");
    }
    return {};
}

} // namespace

Result<engine::PodLimits> read_limits(const cri::LinuxContainerResources &from) {
    engine::PodLimits limits;
    engine::Resources &resources = limits.resources;
    resources.cpu_period = from.cpu_period();
    resources.cpu_quota = from.cpu_quota();
    resources.cpu_shares = from.cpu_shares();
    resources.cpuset_cpus = from.cpuset_cpus();
    resources.cpuset_mems = from.cpuset_mems();
    resources.memory = from.memory_limit_in_bytes();
    // Without a word of it there is none: what a pod may use is its memory.
    resources.memory_swap =
        from.memory_swap_limit_in_bytes() != 0 ? from.memory_swap_limit_in_bytes() : from.memory_limit_in_bytes();
    for (const cri::HugepageLimit &limit : from.hugepage_limits()) {
        limits.huge_pages[limit.page_size()] = limit.limit();
    }
    for (const auto &[file, value] : from.unified()) {
        if (file.empty() || file.contains('/') || !file.contains('.')) {
            return fail(EINVAL, "unified: " + quote(file) + " is no file of a cgroup");
        }
        limits.cgroup.emplace(file, value);
    }
    return limits;
}

Result<engine::CreateRequest> read_container(const cri::CreateContainerRequest &from) {
    const cri::ContainerConfig &config = from.config();
    if (!from.has_config() || !config.has_metadata() || config.image().image().empty()) {
        return fail(EINVAL, "want config, with metadata and an image");
    }
    engine::CreateRequest request;
    request.pod.name = config.metadata().name();
    request.pod.attempt = config.metadata().attempt();
    request.pod.labels = {config.labels().begin(), config.labels().end()};
    request.pod.annotations = {config.annotations().begin(), config.annotations().end()};
    request.pod.image = config.image().user_specified_image();
    request.log_path = config.log_path();
    request.config.image = config.image().image();
    if (config.command_size() > 0) {
        request.config.entrypoint = engine::Texts(config.command().begin(), config.command().end());
    }
    if (config.args_size() > 0) {
        request.config.cmd = engine::Texts(config.args().begin(), config.args().end());
    }
    request.config.working_dir = config.working_dir();
    request.config.env = TRY(read_environment(config));
    request.config.tty = config.tty();
    request.config.open_stdin = config.stdin();
    request.config.stdin_once = config.stdin_once();
    request.config.stop_signal = TRY(read_signal(config.stop_signal()));
    TRY(read_mounts_and_devices(config, request.host));
    const cri::LinuxContainerResources &resources = config.linux().resources();
    engine::PodLimits limits = TRY(read_limits(resources));
    static_cast<engine::Resources &>(request.host) = [&] {
        limits.resources.devices = std::move(request.host.devices);
        return std::move(limits.resources);
    }();
    request.pod.cgroup = std::move(limits.cgroup);
    request.pod.huge_pages = std::move(limits.huge_pages);
    request.host.oom_score_adj = static_cast<int>(std::clamp<std::int64_t>(resources.oom_score_adj(), -1001, 1001));
    TRY(read_security(config.linux(), request));
    return request;
}

} // namespace ballast::api
