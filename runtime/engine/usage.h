// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"
#include "runtime/engine/stats.h"
#include "runtime/isolate/statistics.h"

// What containers and pods use, as Kubernetes asks for it: samples of cgroups, rates over the time between two of them,
// and what is written on disk.
namespace ballast::engine {

// What has to be remembered from one sample to the next.
struct Meter {
    Time read = kNever;
    std::uint64_t processor_time = 0; // nanoseconds
    std::uint64_t nano_cores = 0;     // processor time in a second, nanoseconds: of the last whole window
};

// The rate since the last sample, which is remembered then. The first one counts since `started`; within a second of
// the last one the answer is what it was.
std::uint64_t measure(Meter &meter, Time started, Time now, std::uint64_t processor_time);

struct Usage { // of a cgroup
    Time read = kNever;
    isolate::Statistics numbers = {};
    std::uint64_t nano_cores = 0;
};

// ENOENT, ENODEV: it is gone.
Result<isolate::Statistics> read_cgroup(const std::filesystem::path &directory);

// What several cgroups use together: limits and pressure are not summed, and stay empty.
void add(isolate::Statistics &sum, const isolate::Statistics &part);

struct DiskUse {
    Time read = kNever;
    std::uint64_t bytes = 0, inodes = 0; // as they are taken of the file system
};

struct ContainerUsage {
    Snapshot container;
    std::optional<Usage> usage = {}; // absent: it does not run, or there are no cgroups
    DiskUse writable = {};           // its own layer; some seconds old
};

struct PodUsage {
    Snapshot sandbox;
    Time read = kNever;
    std::optional<Usage> usage = {};                     // absent as above
    std::map<std::string, Stats::Network> networks = {}; // by interface; of the host's network none
    std::vector<ContainerUsage> containers = {};         // those that run
};

// The cgroup of a slice is its pod's alone when it has the pod's uid in its name, as kubelet makes it:
// "kubepods-burstable-pod11_22.slice".
bool is_slice_of(const std::string &slice, const std::string &pod_uid);

} // namespace ballast::engine
