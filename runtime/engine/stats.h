// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"

// One sample of what a container uses, in the terms of /containers/ID/stats on cgroup v2.
namespace ballast::engine {

struct Stats {
    Time read = kNever;
    std::string id = {}, name = {};
    std::uint64_t cpu_total = 0, cpu_user = 0, cpu_kernel = 0; // nanoseconds
    std::uint64_t system_cpu = 0;                              // nanoseconds that all processors have worked
    std::uint32_t online_cpus = 0;
    std::uint64_t throttled_periods = 0, periods = 0, throttled_time = 0; // time: nanoseconds
    std::uint64_t memory_usage = 0;                                       // bytes, with the page cache
    std::uint64_t memory_limit = 0;                                       // bytes; the machine's when there is none
    std::map<std::string, std::uint64_t> memory_stat = {};                // memory.stat
    std::uint64_t pids = 0, pids_limit = 0;                               // limit 0: none
    struct BlockIo {
        std::uint64_t major = 0, minor = 0;
        std::string operation = {}; // "read", "write"
        std::uint64_t value = 0;
    };
    std::vector<BlockIo> io_service_bytes = {}; // per device
    struct Network {
        std::uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0;
        std::uint64_t tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0;
    };
    std::map<std::string, Network> networks = {}; // by interface
};

// `cgroup` is a directory of cgroup2; missing files leave zeroes. `pid` is a process in the container's network
// namespace (0: no networks).
Result<Stats> read_stats(const std::filesystem::path &cgroup, int pid);

// Interfaces of a process's network namespace, without the loopback.
std::map<std::string, Stats::Network> read_networks(int pid);

} // namespace ballast::engine
