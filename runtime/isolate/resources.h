// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/cgroup_directory.h"
#include "runtime/oci/spec.h"

// linux.resources as the writes to a cgroup's files that mean the same in version 2. The specification was written for
// version 1, so values are converted as runc and crun do it: the same file gives the same limits everywhere.
namespace ballast::isolate {

struct CgroupWrite {
    enum class Unless {
        kNever,
        kMissing,  // a file that is not there is fine: it has nothing to limit
        kTooEarly, // EINVAL: again after all others, which it depends on
    };
    std::string file;
    std::string value;
    Unless unless = Unless::kNever;
    std::string other_file, other_value; // when `file` is missing
    bool keep_first = false;             // the file's first word stays, `value` is the second: cpu.max' quota

    bool operator==(const CgroupWrite &) const = default;
};

struct ResourcePlan {
    std::vector<CgroupWrite> writes; // in this order; those of `unified` last, so that they win
    unsigned controllers = 0;        // that have to be there: controller::*
    // memory.checkBeforeUpdate: what memory in use has to be below.
    std::optional<std::uint64_t> memory_below, memory_and_swap_below;
    // What version 2 has no place for and other runtimes pass over; for the edge to warn about.
    std::vector<std::string> ignored;
};

// EINVAL for what makes no sense, ENOTSUP for what only version 1 has and whose absence would change what a container
// may do (realtime scheduling, classes of network traffic). `devices` are not looked at: device_rules.h.
Result<ResourcePlan> plan_resources(const oci::Resources &resources);

// cpu.shares (2 to 262144, 1024) to cpu.weight (1 to 10000, 100), by the curve that meets both ends and the default:
// 10^((l*l + 125*l)/612 - 7/34), l = log2(shares), rounded up. 0 stays 0: not set.
std::uint64_t cpu_weight(std::uint64_t shares);
// blkio weight (10 to 1000) to io.weight (1 to 10000), linear.
std::uint64_t io_weight(std::uint64_t weight);

Status apply_resources(const CgroupDir &directory, const ResourcePlan &plan);

} // namespace ballast::isolate
