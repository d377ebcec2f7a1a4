// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace runtime::v1 {
class PodSandboxStats;
}

// What pods and containers use, as the container runtime counts it. What it does not say is missing.
namespace ballast::agent {

using Amount = std::optional<std::uint64_t>;

// Of a cgroup. Bytes, and nanoseconds of CPU since it began.
struct Usage {
    std::int64_t time = 0; // of memory and CPU, nanoseconds since 1970
    Amount cpu = {}, nano_cores = {};
    Amount memory = {}, working_set = {}, available = {}, resident = {}, faults = {}, major_faults = {};
};

struct ContainerUsage {
    std::string name = {};
    Usage usage = {};
    std::int64_t files_time = 0;
    Amount file_bytes = {}, inodes = {}; // of its writable layer
};

struct InterfaceUsage {
    std::string name = {};
    Amount received = {}, receive_errors = {}, sent = {}, send_errors = {}; // bytes, and packets
};

struct PodUsage {
    std::string uid = {}, name = {}, name_space = {};
    Usage usage = {};
    Amount processes = {};
    std::int64_t network_time = 0;
    std::vector<InterfaceUsage> networks = {}; // the one that its address is on comes first
    std::vector<ContainerUsage> containers = {};
};

PodUsage usage_of(const ::runtime::v1::PodSandboxStats &stats);

} // namespace ballast::agent
