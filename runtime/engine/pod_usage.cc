// SPDX-License-Identifier: Apache-2.0
#include "base/tree_size.h"
#include "runtime/engine/core.h"
#include "runtime/engine/pods.h"
#include "runtime/engine/scope.h"
#include "runtime/engine/usage.h"

// What pods and their containers use.
namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kDiskInterval = 10s; // a tree is walked no more often

Time now() { return std::chrono::system_clock::now(); }

// Of a cgroup that may be gone: then there is nothing to tell.
std::optional<Usage> read_usage(const fs::path &directory) {
    Result<isolate::Statistics> numbers = read_cgroup(directory);
    return numbers ? std::optional(Usage{.read = now(), .numbers = std::move(*numbers)}) : std::nullopt;
}

DiskUse writable_layer(Engine::Core &core, Container &container) {
    {
        const std::scoped_lock lock(container.mutex);
        if (container.writable.read != kNever && now() - container.writable.read < kDiskInterval) {
            return container.writable;
        }
    }
    const TreeUse use = tree_use(core.paths(container.id).disk / "upper");
    const std::scoped_lock lock(container.mutex);
    return container.writable = {.read = now(), .bytes = use.bytes, .inodes = use.inodes};
}

ContainerUsage usage_of(Engine::Core &core, const ContainerPtr &container) {
    ContainerUsage result{.container = container->snapshot()};
    result.writable = writable_layer(core, *container);
    const Result<fs::path> cgroup = core.cgroup_of(result.container);
    if (!result.container.state.running() || !core.settings().cgroups || !cgroup) {
        return result;
    }
    result.usage = read_usage(*cgroup);
    if (result.usage) {
        const std::scoped_lock lock(container->mutex);
        result.usage->nano_cores = measure(container->meter, result.container.state.started_at, result.usage->read,
                                           result.usage->numbers.cpu.total);
    }
    return result;
}

// Of the slice that is the pod's alone; otherwise of all that is in it.
std::optional<Usage> usage_of_pod(Engine::Core &core, const ContainerPtr &sandbox, const PodUsage &pod) {
    const Snapshot &data = pod.sandbox;
    std::optional<Usage> usage;
    const Result<fs::path> own = core.cgroup_of(data); // SLICE/SCOPE/container
    if (!own) {
        return usage;
    }
    if (is_slice_of(data.host.cgroup_parent, data.pod.uid)) {
        usage = read_usage(own->parent_path().parent_path());
    } else if ((usage = read_usage(*own))) {
        isolate::Statistics sum;
        add(sum, usage->numbers);
        for (const ContainerUsage &container : pod.containers) {
            if (container.usage) {
                add(sum, container.usage->numbers);
            }
        }
        usage->numbers = std::move(sum);
    }
    if (usage) {
        const std::scoped_lock lock(sandbox->mutex);
        usage->nano_cores = measure(sandbox->meter, data.state.started_at, usage->read, usage->numbers.cpu.total);
    }
    return usage;
}

PodUsage pod_usage_of(Engine::Core &core, const ContainerPtr &sandbox) {
    PodUsage pod{.sandbox = sandbox->snapshot(), .read = now()};
    for (const ContainerPtr &container : core.containers_of(sandbox->id)) {
        if (container->snapshot().state.running()) {
            pod.containers.push_back(usage_of(core, container));
        }
    }
    const State &state = pod.sandbox.state;
    if (state.running() && core.settings().cgroups) {
        pod.usage = usage_of_pod(core, sandbox, pod);
    }
    if (state.running() && pod.sandbox.pod.network) {
        pod.networks = read_networks(state.pid);
    }
    return pod;
}

} // namespace

Result<ContainerUsage> Pods::container_usage(const std::string &reference) const {
    return usage_of(*core_, TRY(find(reference, Pod::Role::kContainer)));
}

std::vector<ContainerUsage> Pods::container_usages(const PodFilter &filter) const {
    std::vector<ContainerUsage> result;
    for (const Snapshot &container : containers(filter)) {
        if (const Result<ContainerPtr> found = find(container.id, Pod::Role::kContainer)) {
            result.push_back(usage_of(*core_, *found));
        }
    }
    return result;
}

Result<PodUsage> Pods::pod_usage(const std::string &reference) const {
    return pod_usage_of(*core_, TRY(find(reference, Pod::Role::kSandbox)));
}

std::vector<PodUsage> Pods::pod_usages(const PodFilter &filter) const {
    std::vector<PodUsage> result;
    for (const Snapshot &sandbox : sandboxes(filter)) {
        if (const Result<ContainerPtr> found = find(sandbox.id, Pod::Role::kSandbox); found && ready(sandbox)) {
            result.push_back(pod_usage_of(*core_, *found));
        }
    }
    return result;
}

DiskUse Pods::writable_layers() const {
    DiskUse sum{.read = now()};
    for (const ContainerPtr &container : core_->all()) {
        const DiskUse one = writable_layer(*core_, *container);
        sum.bytes += one.bytes;
        sum.inodes += one.inodes;
    }
    return sum;
}

} // namespace ballast::engine
