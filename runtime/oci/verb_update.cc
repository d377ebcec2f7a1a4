// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_tree.h"
#include "base/quote.h"
#include "runtime/container/lifecycle.h"
#include "runtime/oci/options.h"
#include "runtime/oci/spec_reader.h"
#include "runtime/oci/start_options.h"
#include "runtime/oci/verbs.h"

namespace ballast::oci {
namespace {

using Setter = std::function<Status(const std::string &)>;

template <typename Part>
Part &part_of(std::optional<Part> &part) {
    return part ? *part : part.emplace();
}

// The setters fill `resources` as the JSON of --resources would.
template <typename Value>
Setter memory(Resources &resources, const char *option, std::optional<Value> MemoryResources::*field) {
    return [&resources, option, field](const std::string &text) -> Status {
        part_of(resources.memory).*field = static_cast<Value>(TRY(byte_count(option, text)));
        return {};
    };
}

template <typename Value>
Setter cpu(Resources &resources, const char *option, std::optional<Value> CpuResources::*field) {
    return [&resources, option, field](const std::string &text) -> Status {
        const std::int64_t number = TRY(whole_number(option, text));
        if (std::is_unsigned_v<Value> && number < 0) {
            return fail(EINVAL, std::string(option) + ": want no negative number, have " + quote(text));
        }
        part_of(resources.cpu).*field = static_cast<Value>(number);
        return {};
    };
}

Setter cpu_list(Resources &resources, std::string CpuResources::*field) {
    return [&resources, field](const std::string &text) -> Status {
        part_of(resources.cpu).*field = text;
        return {};
    };
}

Setter weight(Resources &resources) {
    return [&resources](const std::string &text) -> Status {
        const std::int64_t number = TRY(whole_number("--blkio-weight", text));
        if (number < 10 || number > 1000) {
            return fail(EINVAL, "--blkio-weight: want 10 to 1000, have " + quote(text));
        }
        part_of(resources.block_io).weight = static_cast<std::uint16_t>(number);
        return {};
    };
}

Setter pids(Resources &resources) {
    return [&resources](const std::string &text) -> Status {
        resources.pids_limit = TRY(whole_number("--pids-limit", text));
        return {};
    };
}

std::vector<Option> update_options(Resources &resources, std::string &file) {
    return {
        {"resources", 'r', "FILE", "the resources object as JSON; - for standard input", store(file)},
        {"memory", 0, "BYTES", "memory limit", memory(resources, "--memory", &MemoryResources::limit)},
        {"memory-reservation", 0, "BYTES", "soft limit",
         memory(resources, "--memory-reservation", &MemoryResources::reservation)},
        {"memory-swap", 0, "BYTES", "limit of memory and swap together; -1: no limit",
         memory(resources, "--memory-swap", &MemoryResources::swap)},
        {"kernel-memory", 0, "BYTES", "accepted: cgroup v2 counts it with the rest", ignore()},
        {"kernel-memory-tcp", 0, "BYTES", "accepted: cgroup v2 counts it with the rest", ignore()},
        {"cpu-share", 0, "N", "weight among cgroups, 2 to 262144",
         cpu(resources, "--cpu-share", &CpuResources::shares)},
        {"cpu-quota", 0, "US", "time in a period; -1: no limit", cpu(resources, "--cpu-quota", &CpuResources::quota)},
        {"cpu-period", 0, "US", "length of a period", cpu(resources, "--cpu-period", &CpuResources::period)},
        {"cpu-burst", 0, "US", "quota that may be saved up", cpu(resources, "--cpu-burst", &CpuResources::burst)},
        {"cpu-rt-period", 0, "US", "refused: cgroup v2 has none",
         cpu(resources, "--cpu-rt-period", &CpuResources::realtime_period)},
        {"cpu-rt-runtime", 0, "US", "refused: cgroup v2 has none",
         cpu(resources, "--cpu-rt-runtime", &CpuResources::realtime_runtime)},
        {"cpu-idle", 0, "0|1", "SCHED_IDLE for the cgroup", cpu(resources, "--cpu-idle", &CpuResources::idle)},
        {"cpuset-cpus", 0, "LIST", "processors", cpu_list(resources, &CpuResources::cpus)},
        {"cpuset-mems", 0, "LIST", "memory nodes", cpu_list(resources, &CpuResources::mems)},
        {"blkio-weight", 0, "N", "10 to 1000", weight(resources)},
        {"pids-limit", 0, "N", "processes and threads; 0 and below: no limit", pids(resources)},
    };
}

} // namespace

Result<int> verb_update(const Settings &settings, const Arguments &arguments) {
    Resources resources;
    std::string file;
    const std::vector<Option> options = update_options(resources, file);
    const Parsed parsed = TRY(parse_options(arguments, options));
    if (parsed.help) {
        TRY(print("usage: ballast-oci update [OPTION...] ID\n" + options_text(options)));
        return 0;
    }
    const std::string id = TRY(only_id("update", parsed.words));
    if (!file.empty()) { // as other runtimes have it: the file is all, options beside it say nothing
        const std::string text = file == "-" ? TRY(read_all(BorrowedFd(STDIN_FILENO), "standard input", kLargestJson))
                                             : TRY(read_file(file, kLargestJson));
        resources = TRY(parse_resources(text, file == "-" ? "standard input" : file));
    }
    TRY(container::update(settings, id, resources));
    return 0;
}

} // namespace ballast::oci
