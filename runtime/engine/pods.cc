// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/pods.h"

#include <algorithm>
#include <csignal>

#include "base/file_io.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/rollback.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"
#include "runtime/engine/scope.h"
#include "runtime/engine/user_namespace.h"

namespace ballast::engine {
namespace {

constexpr int kPausePatience = 2;             // seconds, then SIGKILL
constexpr const char *kPause = "65535:65535"; // whom the pause process runs as

Snapshot snapshot_of(SandboxRequest request) {
    Snapshot data;
    data.id = random_id();
    data.created = std::chrono::system_clock::now();
    data.pod = std::move(request.pod);
    data.pod.role = Pod::Role::kSandbox;
    data.host = std::move(request.host);
    data.ids = std::move(request.ids);
    data.pod.network = data.host.network_mode != "host";
    data.host.network_mode = data.pod.network ? "none" : "host";
    data.host.uts_mode = data.pod.network ? "" : "host";
    data.host.log_config.type = "none";
    data.host.cgroupns_mode = "private";
    data.host.runtime = "runc"; // what clients expect to see
    data.host.read_only_rootfs = true;
    data.host.cap_drop = {"ALL"};
    data.host.security_opt.emplace_back("no-new-privileges");
    data.host.masked_paths = data.host.readonly_paths = Texts(); // there is nothing to mask
    data.host.annotations = data.pod.annotations;
    data.config.entrypoint = Texts{"/pause"};
    data.config.user = kPause;
    data.config.image = "ballast-pause";
    data.config.labels = data.pod.labels;
    data.config.labels.insert({{"io.kubernetes.pod.name", data.pod.name},
                               {"io.kubernetes.pod.namespace", data.pod.name_space},
                               {"io.kubernetes.pod.uid", data.pod.uid}});
    if (data.pod.network) { // else it is the host's, which nobody sets
        data.config.hostname = request.hostname.empty() ? short_id(data.id) : request.hostname;
    }
    return data;
}

bool has_labels(const Pod &pod, const Labels &wanted) {
    return std::ranges::all_of(wanted, [&pod](const auto &label) {
        const auto found = pod.labels.find(label.first);
        return found != pod.labels.end() && found->second == label.second;
    });
}

} // namespace

fs::path Engine::Core::pod_namespace(const std::string &sandbox) const {
    return settings().run_root / "pods" / sandbox;
}

std::vector<ContainerPtr> Engine::Core::containers_of(const std::string &sandbox) {
    std::vector<ContainerPtr> result = all();
    std::erase_if(result, [&](const ContainerPtr &container) { return container->snapshot().pod.sandbox != sandbox; });
    return result;
}

Status Engine::Core::stop_sandbox(const ContainerPtr &sandbox) {
    {
        const std::scoped_lock lock(sandbox->mutex);
        Snapshot &data = sandbox->data;
        data.pod.stopped = data.has_been_manually_stopped = sandbox->stopping = true;
        TRY(save(*sandbox)); // an engine that is killed now goes on with it
    }
    Pods pods(*this);
    for (const ContainerPtr &container : containers_of(sandbox->id)) {
        TRY(pods.stop(container->id, 0));
    }
    {
        const std::scoped_lock starting(sandbox->operation); // it has seen the mark, or is there to be ended
    }
    if (sandbox->snapshot().state.running()) {
        TRY(stop(sandbox, "", kPausePatience));
    }
    if (sandbox->snapshot().pod.network) {
        TRY(pod_network->detach(sandbox->id, pod_namespace(sandbox->id)));
    }
    return {};
}

void Engine::Core::finish_pods() {
    const Texts problems = pod_network->problems();
    warnings.insert(warnings.end(), problems.begin(), problems.end());
    for (const ContainerPtr &container : all()) {
        const Snapshot data = container->snapshot();
        if (data.pod.is_sandbox() && data.pod.stopped && data.state.running()) {
            timer.soon([this, container] {
                if (const Status stopped = stop_sandbox(container); !stopped) {
                    log::warning(stopped.error().message, {{"CONTAINER_ID", short_id(container->id)}});
                }
            });
        }
    }
    const auto runs = [this](const std::string &id) {
        const Result<ContainerPtr> found = find(id);
        return found && (*found)->snapshot().state.running();
    };
    for (const std::string &id : pod_network->left(runs)) {
        timer.soon([this, id] {
            if (const Status gone = pod_network->detach(id, pod_namespace(id)); !gone) {
                log::warning(gone.error().message + ", trying again later", {{"CONTAINER_ID", short_id(id)}});
            }
        });
    }
    timer.soon([this] {
        const auto known = [this](const std::string &id) { return find(id).has_value(); };
        if (const Status collected = pod_network->collect_garbage(known); !collected) {
            log::warning(collected.error().message + ", trying again with the next start of the engine");
        }
    });
}

Status refuse_for_pods(const Snapshot &container, const char *verb) {
    if (!container.pod.given()) {
        return {};
    }
    return fail(EPERM, "container \"/" + container.name + "\" belongs to a pod of Kubernetes: " + verb +
                           " it there (kubectl, crictl)");
}

Result<ContainerPtr> Pods::find(const std::string &reference, Pod::Role role) const {
    const Result<ContainerPtr> found = core_->find(reference);
    if (found && (*found)->snapshot().pod.role == role) {
        return *found;
    }
    if (!found && found.error().code != ENOENT) {
        return std::unexpected(found.error());
    }
    return fail(ENOENT, std::string(role == Pod::Role::kSandbox ? "No such sandbox: " : "No such container: ") +
                            escaped(reference.substr(0, 256)));
}

Result<std::string> Pods::run(SandboxRequest request) {
    Engine::Core &core = *core_;
    Snapshot data = snapshot_of(std::move(request));
    data.name = TRY(sandbox_name(data.pod));
    TRY(check_settings(data.config, data.host, core.machine()));
    if (data.ids.given()) {
        TRY(check_user_namespace(data.host));
    }
    if (!data.pod.network) {
        data.config.hostname = core.host.hostname;
    }
    TRY(plan_scope("x", data.host.cgroup_parent));
    TRY(core.reserve_name(data.name, data.id));
    Rollback rollback;
    rollback.add([&core, name = data.name] { core.forget_name(name); });
    const Paths path = core.paths(data.id);
    const auto container = std::make_shared<Container>(std::move(data));
    TRY(make_directories(path.disk / "logs", 0700));
    rollback.add([disk = path.disk] { (void)remove_tree(disk); }); // what stays is removed at the next start
    const std::scoped_lock operation(container->operation);
    {
        const std::scoped_lock lock(container->mutex);
        TRY(core.save(*container));
    }
    TRY(sync_directory(path.disk.parent_path()));
    {
        const std::scoped_lock lock(core.registry);
        core.containers.emplace(container->id, container);
    }
    rollback.commit();
    core.event(*container, "create");
    if (const Status started = core.start(container); !started) {
        // What cannot be removed now stays listed, for Kubernetes to try again.
        (void)core.remove(container, {.force = false, .volumes = false, .link = false});
        return std::unexpected(started.error());
    }
    return container->id;
}

Status Pods::stop(const std::string &sandbox) { return core_->stop_sandbox(TRY(find(sandbox, Pod::Role::kSandbox))); }

Status Pods::remove(const std::string &sandbox) {
    const ContainerPtr container = TRY(find(sandbox, Pod::Role::kSandbox));
    TRY(core_->stop_sandbox(container));
    for (const ContainerPtr &inside : core_->containers_of(container->id)) {
        if (const Status removed = remove_container(inside->id); !removed && removed.error().code != ENOENT) {
            return removed;
        }
    }
    const std::scoped_lock operation(container->operation);
    return core_->remove(container, {.force = false, .volumes = true, .link = false});
}

Result<Snapshot> Pods::sandbox(const std::string &reference) const {
    return TRY(find(reference, Pod::Role::kSandbox))->snapshot();
}

bool Pods::ready(const Snapshot &sandbox) const {
    return sandbox.state.running() && !sandbox.pod.stopped &&
           (!sandbox.pod.network || PodNetwork::is_whole(core_->pod_namespace(sandbox.id)));
}

std::string Pods::network_namespace(const Snapshot &sandbox) const {
    return sandbox.pod.network ? core_->pod_namespace(sandbox.id).string() : "";
}

std::string Pods::runtime_spec(const Snapshot &any) const {
    return read_file(core_->paths(any.id).bundle / "config.json").value_or("");
}

std::vector<Snapshot> Pods::list(const PodFilter &filter, Pod::Role role) const {
    std::vector<Snapshot> result;
    for (const ContainerPtr &container : core_->all()) {
        Snapshot data = container->snapshot();
        if (data.pod.role == role && data.id.starts_with(filter.id) && data.pod.sandbox.starts_with(filter.sandbox) &&
            has_labels(data.pod, filter.labels)) {
            result.push_back(std::move(data));
        }
    }
    std::ranges::sort(result, std::ranges::greater(), &Snapshot::created);
    return result;
}

std::vector<Snapshot> Pods::sandboxes(const PodFilter &filter) const { return list(filter, Pod::Role::kSandbox); }

Status Pods::network_ready() const { return core_->pod_network->ready(); }
std::string Pods::network_configuration() const { return core_->pod_network->configuration(); }
Status Pods::set_ranges(const std::string &ranges) const { return core_->pod_network->set_ranges(ranges); }

} // namespace ballast::engine
