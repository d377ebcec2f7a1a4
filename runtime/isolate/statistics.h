// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/cgroup_directory.h"

// What a cgroup has used, for `events`. Files that are missing leave their part at zero: no controller, no numbers.
namespace ballast::isolate {

struct Pressure { // psi(7): shares of time as the kernel writes them, "0.25"; total in microseconds
    struct Line {
        std::string avg10 = "0", avg60 = "0", avg300 = "0";
        std::uint64_t total = 0;
    };
    Line some, full;
};

struct Statistics {
    struct Cpu { // nanoseconds, from here to throttled_time
        std::uint64_t total = 0, user = 0, kernel = 0;
        std::uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;
        std::optional<Pressure> pressure;
    };
    struct MemoryUse { // bytes; limit is the largest number when there is none
        std::uint64_t limit = 0, usage = 0, max = 0;
    };
    struct Memory {
        MemoryUse memory, swap;                   // swap alone
        std::map<std::string, std::uint64_t> raw; // memory.stat
        std::optional<Pressure> pressure;
    };
    struct IoEntry {
        std::uint64_t major = 0, minor = 0, value = 0;
        const char *operation = "";
    };
    struct Io {
        std::vector<IoEntry> bytes, operations; // "Read" and "Write" of each device
        std::optional<Pressure> pressure;
    };
    struct Hugetlb {
        std::uint64_t usage = 0, failures = 0;
    };
    struct Rdma {
        std::uint64_t hca_handles = 0, hca_objects = 0;
    };

    Cpu cpu;
    Memory memory;
    std::uint64_t pids = 0, pids_limit = 0; // 0: no limit
    Io io;
    std::map<std::string, Hugetlb> hugetlb; // by page size, "2MB"
    std::map<std::string, Rdma> rdma;       // by device
};

Result<Statistics> read_statistics(const CgroupDir &directory);

// The files' formats; what cannot be read in them is left out.
Pressure parse_pressure(std::string_view text);
void parse_io(std::string_view text, Statistics::Io &io);
std::map<std::string, Statistics::Rdma> parse_rdma(std::string_view text);

// As `runc events` prints them on version 2, without a line's end: {"type":"stats","id":"web","data":{...}}.
std::string stats_event(std::string_view id, const Statistics &statistics);
std::string oom_event(std::string_view id); // {"type":"oom","id":"web"}

} // namespace ballast::isolate
