// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "runtime/engine/core.h"
#include "runtime/engine/host_devices.h"
#include "runtime/engine/plan.h"
#include "runtime/engine/pod_limits.h"

namespace ballast::engine {
namespace {

template <typename Value>
void change(Value &to, const Value &from) {
    if (from != Value{}) {
        to = from;
    }
}

// What is not said stays.
Result<Resources> merged(const Resources &now, const Resources &wanted) {
    Resources result = now;
    change(result.cpu_shares, wanted.cpu_shares);
    change(result.memory, wanted.memory);
    change(result.memory_reservation, wanted.memory_reservation);
    change(result.blkio_weight, wanted.blkio_weight);
    change(result.cpu_period, wanted.cpu_period);
    change(result.cpu_quota, wanted.cpu_quota);
    change(result.cpuset_cpus, wanted.cpuset_cpus);
    change(result.cpuset_mems, wanted.cpuset_mems);
    if (wanted.nano_cpus != 0) {
        result.nano_cpus = wanted.nano_cpus;
        result.cpu_period = result.cpu_quota = 0;
    } else if (wanted.cpu_period != 0 || wanted.cpu_quota != 0) {
        result.nano_cpus = 0;
    }
    if (wanted.memory_swap != 0) {
        result.memory_swap = wanted.memory_swap;
    } else if (wanted.memory != 0 && now.memory_swap > 0 && wanted.memory > now.memory_swap) {
        return fail(EINVAL,
                    "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at "
                    "the same time");
    }
    if (wanted.pids_limit) {
        result.pids_limit = wanted.pids_limit;
    }
    return result;
}

// Of `pod` the limits.
Result<Texts> update(Engine::Core &core, const ContainerPtr &container, const UpdateRequest &request, Pod pod) {
    const std::scoped_lock operation(container->operation);
    const Snapshot data = container->snapshot();
    const std::string what = "Cannot update container " + data.id;
    if (data.state.phase == Phase::kRemoving || data.state.phase == Phase::kDead) {
        return fail(EBUSY, what + ": container is marked for removal and cannot be \"update\"");
    }
    Texts warnings;
    Resources resources = TRY(merged(data.host, request.resources).within(what));
    TRY(check_resources(resources, core.machine(), warnings).within(what));
    if (request.restart_policy && data.host.auto_remove && request.restart_policy->kind != RestartPolicy::Kind::kNo) {
        return fail(EINVAL, "Restart policy cannot be updated because AutoRemove is enabled for the container");
    }
    if (data.state.running() && core.settings().cgroups) {
        const auto numbers = TRY(find_block_devices(resources));
        nlohmann::ordered_json wanted = resources_json(resources, numbers);
        add_pod_limits(wanted, pod);
        TRY(core.oci({"update", "--resources", "-", data.id}, wanted.dump()).within(what));
    }
    {
        const std::scoped_lock lock(container->mutex);
        static_cast<Resources &>(container->data.host) = resources;
        if (request.restart_policy) {
            container->data.host.restart_policy = *request.restart_policy;
        }
        for (auto &[file, value] : pod.cgroup) {
            container->data.pod.cgroup[file] = std::move(value);
        }
        for (const auto &[size, limit] : pod.huge_pages) {
            container->data.pod.huge_pages[size] = limit;
        }
        TRY(core.save(*container));
    }
    core.event(*container, "update");
    return warnings;
}

} // namespace

Result<Texts> Engine::update(const std::string &reference, const UpdateRequest &request) {
    const ContainerPtr container = TRY(core_->find(reference));
    TRY(refuse_for_pods(container->snapshot(), "update"));
    return engine::update(*core_, container, request, {});
}

Status update_limits(Engine::Core &core, const ContainerPtr &container, PodLimits limits) {
    Pod more;
    more.cgroup = std::move(limits.cgroup);
    more.huge_pages = std::move(limits.huge_pages);
    TRY(engine::update(core, container, {.resources = std::move(limits.resources)}, std::move(more)));
    return {};
}

} // namespace ballast::engine
