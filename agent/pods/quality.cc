// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/quality.h"

#include <algorithm>
#include <array>
#include <optional>
#include <runtime/v1/api.pb.h>

namespace ballast::agent {
namespace {

constexpr std::array kComputed = std::to_array<const char *>({"cpu", "memory"});
constexpr std::int64_t kLeastShares = 2;
constexpr std::int64_t kMostShares = 262'144;
constexpr std::int64_t kSharesOfOne = 1024;

std::optional<Quantity> amount(const std::map<std::string, Quantity> &from, const char *name) {
    const auto found = from.find(name);
    return found == from.end() || found->second.milli() == 0 ? std::nullopt : std::optional(found->second);
}

std::int64_t milli_of(const std::map<std::string, Quantity> &from, const char *name) {
    const auto found = amount(from, name);
    return found ? found->milli() : 0;
}

// What the pod asks for as a whole: its containers together, or an init container with the sidecars before it.
std::int64_t pod_milli(const Pod &pod, const char *name, std::map<std::string, Quantity> Resources::*list) {
    std::int64_t sum = 0, sidecars = 0, most = 0;
    for (const Container &container : pod.init_containers) {
        const std::int64_t own = milli_of(container.resources.*list, name);
        sidecars += container.sidecar ? own : 0;
        most = std::max(most, sidecars + (container.sidecar ? 0 : own));
    }
    for (const Container &container : pod.containers) {
        sum += milli_of(container.resources.*list, name);
    }
    return std::max(sum + sidecars, most) + milli_of(pod.overhead.requests, name);
}

bool every_container_limits(const Pod &pod, const char *name) {
    return std::ranges::all_of(all_containers(pod), [&](const Container *container) {
        return amount(container->resources.limits, name).has_value();
    });
}

// As kubelet has it: of the class for nodes, and from a manifest or with the priority of that class.
bool is_critical(const Pod &pod) {
    const auto source = pod.annotations.find("kubernetes.io/config.source");
    const bool from_file = source != pod.annotations.end() && source->second == "file";
    return pod.priority_class == "system-node-critical" && (from_file || pod.priority.value_or(0) >= kSystemCritical);
}

// As OCI runtimes make weights of shares.
std::int64_t weight_of(std::int64_t milli) {
    return 1 + (cpu_shares_of(milli) - kLeastShares) * 9999 / (kMostShares - kLeastShares);
}

} // namespace

Quality quality_of(const Pod &pod) {
    bool any = false, all = true;
    for (const Container *container : all_containers(pod)) {
        for (const char *name : kComputed) {
            const auto request = amount(container->resources.requests, name);
            const auto limit = amount(container->resources.limits, name);
            any = any || request || limit;
            all = all && limit && (!request || *request == *limit);
        }
    }
    return !any ? Quality::kBestEffort : all ? Quality::kGuaranteed : Quality::kBurstable;
}

std::string_view name_of(Quality quality) {
    constexpr std::array kNames = std::to_array<std::string_view>({"Guaranteed", "Burstable", "BestEffort"});
    return kNames.at(static_cast<std::size_t>(quality));
}

std::string slice_of(const Pod &pod) {
    std::string uid = pod.uid;
    std::ranges::replace(uid, '-', '_');
    constexpr std::array kParents =
        std::to_array<std::string_view>({"kubepods", "kubepods-burstable", "kubepods-besteffort"});
    return std::string(kParents.at(static_cast<std::size_t>(quality_of(pod)))) + "-pod" + uid + ".slice";
}

int oom_score_of(const Pod &pod, const Container &container, std::int64_t memory) {
    constexpr int kGuaranteed = -997, kBestEffort = 1000, kLeast = 3;
    if (is_critical(pod)) {
        return kGuaranteed;
    }
    switch (quality_of(pod)) {
    case Quality::kGuaranteed:
        return kGuaranteed;
    case Quality::kBestEffort:
        return kBestEffort;
    case Quality::kBurstable:
        break;
    }
    const auto request = amount(container.resources.requests, "memory");
    const std::int64_t bytes = request ? request->whole() : 0;
    const auto score = static_cast<int>(1000 - static_cast<double>(bytes) * 1000 /
                                                   static_cast<double>(std::max<std::int64_t>(memory, 1)));
    return std::clamp(score, kLeast, kBestEffort - 1);
}

std::int64_t cpu_shares_of(std::int64_t milli) {
    return std::clamp(milli * kSharesOfOne / 1000, kLeastShares, kMostShares);
}

std::int64_t cpu_quota_of(std::int64_t milli, std::int64_t period) {
    constexpr std::int64_t kLeastQuota = 1000; // microseconds, as the kernel has it
    return milli == 0 ? 0 : std::max(milli * period / 1000, kLeastQuota);
}

void write_resources(const Pod &pod, const Container &container, const Kernel &kernel,
                     ::runtime::v1::LinuxContainerResources &to) {
    to.set_oom_score_adj(oom_score_of(pod, container, kernel.memory));
    if (!kernel.classes && container.resources.requests.empty() && container.resources.limits.empty()) {
        return; // without slices of classes, what asks for nothing is left to the runtime
    }
    to.set_cpu_shares(cpu_shares_of(milli_of(container.resources.requests, "cpu")));
    if (kernel.cpu_quota) {
        to.set_cpu_period(kernel.cpu_period);
        to.set_cpu_quota(cpu_quota_of(milli_of(container.resources.limits, "cpu"), kernel.cpu_period));
    }
    if (const auto limit = amount(container.resources.limits, "memory")) {
        to.set_memory_limit_in_bytes(limit->whole());
        to.set_memory_swap_limit_in_bytes(limit->whole());
    }
    constexpr std::string_view kHugePages = "hugepages-";
    for (const auto &[name, limit] : container.resources.limits) {
        if (name.starts_with(kHugePages)) {
            // "hugepages-2Mi" is the kernel's 2MB
            std::string size = name.substr(kHugePages.size());
            size = size.ends_with("i") ? size.substr(0, size.size() - 1) + "B" : size;
            auto *page = to.add_hugepage_limits();
            page->set_page_size(size);
            page->set_limit(static_cast<std::uint64_t>(limit.whole()));
        }
    }
}

SliceLimits slice_limits_of(const Pod &pod, std::int64_t most_processes) {
    SliceLimits limits;
    limits.cpu_weight = weight_of(pod_milli(pod, "cpu", &Resources::requests));
    if (every_container_limits(pod, "cpu")) {
        limits.cpu_quota = pod_milli(pod, "cpu", &Resources::limits) * 1000; // microseconds a second
    }
    if (every_container_limits(pod, "memory")) {
        limits.memory = (pod_milli(pod, "memory", &Resources::limits) + 999) / 1000;
    }
    if (most_processes > 0) {
        limits.processes = most_processes;
    }
    return limits;
}

// Pods of requests stand beside the classes of the others: what is not told weighs like a pod of two processors.
std::map<std::string, SliceLimits> class_slices_of(const std::vector<const Pod *> &pods, std::int64_t milli_cpu,
                                                   SliceLimits all) {
    std::int64_t burstable = 0;
    for (const Pod *pod : pods) {
        burstable += quality_of(*pod) == Quality::kBurstable ? pod_milli(*pod, "cpu", &Resources::requests) : 0;
    }
    all.cpu_weight = weight_of(milli_cpu);
    return {{"kubepods.slice", all},
            {"kubepods-burstable.slice", {.cpu_weight = weight_of(burstable)}},
            {"kubepods-besteffort.slice", {.cpu_weight = weight_of(0)}}};
}

} // namespace ballast::agent
