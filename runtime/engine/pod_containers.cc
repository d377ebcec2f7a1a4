// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>

#include "base/file_io.h"
#include "base/quote.h"
#include "runtime/engine/apparmor.h"
#include "runtime/engine/core.h"
#include "runtime/engine/pods.h"
#include "runtime/engine/user_namespace.h"

// Containers in sandboxes.
namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;  // of a monitor's answer
constexpr auto kAfterKill = 20s; // of a process that SIGKILL does not end at once: it is in the kernel

// Of the namespaces that a pod has for all its containers.
void join_sandbox(HostConfig &host, const Snapshot &sandbox) {
    const std::string joined = "container:" + sandbox.id;
    host.network_mode = joined; // its files, too, whatever its network is
    host.ipc_mode = sandbox.host.ipc_mode == "host" ? "host" : joined;
    host.uts_mode = sandbox.host.uts_mode;
    if (host.pid_mode.empty()) {
        host.pid_mode = sandbox.host.pid_mode == "host" ? "host" : joined;
    }
    host.cgroup_parent = sandbox.host.cgroup_parent;
}

// What is mounted for the pod's user namespace, and for no other.
Status check_owners(const CreateRequest &request, const Snapshot &sandbox) {
    if (sandbox.ids.given() && request.host.privileged) {
        return check_user_namespace(request.host);
    }
    for (const MountSpec &mount : request.host.mounts) {
        if (mount.bind && mount.bind->ids.given() && !(mount.bind->ids == sandbox.ids)) {
            return fail(EINVAL, "mounts: " + quote(mount.target) +
                                    ": uidMappings and gidMappings are others than those of the sandbox");
        }
    }
    return {};
}

Result<std::string> log_file(const fs::path &directory, const std::string &file) {
    const fs::path relative(file);
    if (relative.is_absolute() || std::ranges::contains(relative, fs::path("..")) || !relative.has_filename()) {
        return fail(EINVAL, "log_path " + quote(file) + ": want a file below the sandbox's log_directory");
    }
    return directory / relative;
}

// Kubernetes wants to hear of a missing profile when it makes a container, not first when it starts it.
Status check_apparmor(const HostConfig &host) {
    constexpr std::string_view kOption = "apparmor=";
    for (const std::string &option : host.security_opt) {
        const std::string profile = option.starts_with(kOption) ? option.substr(kOption.size()) : "unconfined";
        if (profile != "unconfined" && apparmor_enabled() && !apparmor_loaded(profile)) {
            return fail(EINVAL,
                        "the AppArmor profile " + quote(profile) + " is not loaded: load it on this machine first");
        }
    }
    return {};
}

} // namespace

Result<std::string> Pods::create(const std::string &reference, CreateRequest request) {
    const Snapshot sandbox = TRY(this->sandbox(reference));
    if (!ready(sandbox)) {
        return fail(EBUSY, "sandbox " + sandbox.id + " is not ready");
    }
    request.name = TRY(container_name(request.pod, sandbox.pod));
    request.pod.role = Pod::Role::kContainer;
    request.pod.sandbox = sandbox.id;
    Config &config = request.config;
    config.labels.insert(request.pod.labels.begin(), request.pod.labels.end());
    config.labels.insert({{"io.kubernetes.container.name", request.pod.name},
                          {"io.kubernetes.pod.name", sandbox.pod.name},
                          {"io.kubernetes.pod.namespace", sandbox.pod.name_space},
                          {"io.kubernetes.pod.uid", sandbox.pod.uid}});
    TRY(check_owners(request, sandbox));
    TRY(check_apparmor(request.host));
    config.health_check = HealthCheck{.test = {"NONE"}}; // probes are kubelet's
    join_sandbox(request.host, sandbox);
    request.host.annotations = request.pod.annotations;
    if (sandbox.pod.log_directory.empty() || request.log_path.empty()) {
        request.host.log_config.type = "none";
    } else {
        request.host.log_config.type = "cri";
        request.log_path = TRY(log_file(sandbox.pod.log_directory, request.log_path));
        TRY(make_directories(fs::path(request.log_path).parent_path(), 0755));
    }
    return TRY(core_->create(std::move(request))).id;
}

Status Pods::start(const std::string &reference) {
    const ContainerPtr container = TRY(find(reference, Pod::Role::kContainer));
    const std::scoped_lock operation(container->operation);
    const Snapshot data = container->snapshot();
    if (data.state.phase != Phase::kCreated || data.state.finished_at != kNever) {
        return fail(EBUSY, "container " + data.id + " is " + phase_name(data.state.phase) +
                               ": a container of a pod is started once, after it was created");
    }
    if (const Result<Snapshot> sandbox = this->sandbox(data.pod.sandbox); !sandbox || !ready(*sandbox)) {
        return fail(EBUSY, "sandbox " + data.pod.sandbox + " is not ready");
    }
    return core_->start(container);
}

Status Pods::stop(const std::string &reference, int timeout) {
    const ContainerPtr container = TRY(find(reference, Pod::Role::kContainer));
    {
        const std::scoped_lock starting(container->operation);
        const std::scoped_lock lock(container->mutex);
        if (!container->data.state.running()) {
            return {};
        }
        container->data.has_been_manually_stopped = container->stopping = true;
        TRY(core_->save(*container));
    }
    if (timeout > 0) {
        return core_->stop(container, "", timeout);
    }
    TRY(core_->signal(*container, SIGKILL));
    return core_->wait_until_ended(*container, kAfterKill)
               ? Status()
               : fail(EBUSY, "container " + container->id + " was killed, and has not ended");
}

Status Pods::update(const std::string &reference, PodLimits limits) {
    const ContainerPtr container = TRY(find(reference, Pod::Role::kContainer));
    return update_limits(*core_, container, std::move(limits));
}

Status Pods::reopen_log(const std::string &reference) {
    const ContainerPtr container = TRY(find(reference, Pod::Role::kContainer));
    std::shared_ptr<monitor::Connection> control;
    {
        const std::scoped_lock lock(container->mutex);
        control = container->data.state.running() ? container->control : nullptr;
    }
    if (control == nullptr) {
        return fail(EBUSY, "container " + container->id + " is not running");
    }
    const std::scoped_lock one_request(container->control_mutex);
    TRY(control->call<monitor::Done>(monitor::ReopenLog{}, kPatience));
    return {};
}

Status Pods::remove_container(const std::string &reference) {
    const ContainerPtr container = TRY(find(reference, Pod::Role::kContainer));
    TRY(stop(container->id, 0));
    const std::scoped_lock operation(container->operation);
    return core_->remove(container, {.force = false, .volumes = true, .link = false});
}

Result<Snapshot> Pods::container(const std::string &reference) const {
    return TRY(find(reference, Pod::Role::kContainer))->snapshot();
}

std::vector<Snapshot> Pods::containers(const PodFilter &filter) const { return list(filter, Pod::Role::kContainer); }

} // namespace ballast::engine
