// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/pods/spec.h"

namespace runtime::v1 {
class LinuxContainerResources;
}

// What a pod's requests and limits make of it: its class of service, its place in the tree of cgroups, and the kernel's
// numbers. As kubelet computes them, for cgroup v2 and systemd.
namespace ballast::agent {

enum class Quality : std::uint8_t { kGuaranteed, kBurstable, kBestEffort };

Quality quality_of(const Pod &pod);
std::string_view name_of(Quality quality); // "Guaranteed"

// "kubepods-burstable-pod1234_5678.slice": its UID without dashes, which are slices' own.
std::string slice_of(const Pod &pod);

// What the OOM killer adds to a container's badness. `memory`: of the machine, in bytes.
int oom_score_of(const Pod &pod, const Container &container, std::int64_t memory);

// A milli CPU's share, and the time in microseconds that it may run in a period of that many microseconds.
std::int64_t cpu_shares_of(std::int64_t milli);
std::int64_t cpu_quota_of(std::int64_t milli, std::int64_t period);

struct Kernel {
    bool classes = true; // pods have slices, by their classes
    bool cpu_quota = true;
    std::int64_t cpu_period = 100'000; // microseconds
    std::int64_t memory = 0;           // of the machine, bytes
};
void write_resources(const Pod &pod, const Container &container, const Kernel &kernel,
                     ::runtime::v1::LinuxContainerResources &to);

// What the pod's own slice is told: properties of systemd, by their names. Absent: no limit.
struct SliceLimits {
    std::int64_t cpu_weight = 1;                // CPUWeight, 1 to 10000
    std::optional<std::int64_t> cpu_quota = {}; // CPUQuotaPerSecUSec
    std::optional<std::int64_t> memory = {};    // MemoryMax, bytes
    std::optional<std::int64_t> processes = {}; // TasksMax
    bool operator==(const SliceLimits &) const = default;
};
SliceLimits slice_limits_of(const Pod &pod, std::int64_t most_processes);

// The slices that all pods and those of a class are below, by their names. `all`: what pods together may have;
// `milli_cpu`: the share of the machine's that is theirs.
std::map<std::string, SliceLimits> class_slices_of(const std::vector<const Pod *> &pods, std::int64_t milli_cpu,
                                                   SliceLimits all);

} // namespace ballast::agent
