// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/statistics.h"

#include <charconv>
#include <limits>

namespace ballast::isolate {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// What stands before the next `at`; `text` goes on behind it.
std::string_view take(std::string_view &text, char at) {
    const std::size_t end = std::min(text.find(at), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return part;
}

// Empty when it is not there: the controller is not, or (ENOTSUP, of pressure) the kernel was told not to count.
// ENODEV: the cgroup went away while we read; what was read until then is what there is.
Result<std::string> read_if_there(const CgroupDir &directory, const std::string &file) {
    Result<std::string> text = directory.read(file);
    if (!text.has_value()) {
        const int code = text.error().code;
        if (code == ENOENT || code == EOPNOTSUPP || code == ENODEV) {
            return std::string();
        }
    }
    return text;
}

Result<std::uint64_t> number_if_there(const CgroupDir &directory, const std::string &file) {
    return whole_number(TRY(read_if_there(directory, file))).value_or(0);
}

Result<std::optional<Pressure>> pressure_if_there(const CgroupDir &directory, const std::string &file) {
    const std::string text = TRY(read_if_there(directory, file));
    return text.empty() ? std::optional<Pressure>() : std::optional(parse_pressure(text));
}

// "0.50" as a JSON number is 0.5, and "0.00" is 0: as others print it.
std::string without_zeros(std::string_view share) {
    for (char letter : share) {
        if ((letter < '0' || letter > '9') && letter != '.') {
            return "0";
        }
    }
    if (share.contains('.')) {
        share = share.substr(0, share.find_last_not_of('0') + 1);
    }
    if (share.ends_with('.')) {
        share.remove_suffix(1);
    }
    return share.empty() ? "0" : std::string(share);
}

Status read_cpu(const CgroupDir &directory, Statistics::Cpu &cpu) {
    constexpr std::uint64_t kNanoseconds = 1000; // a microsecond
    const std::string text = TRY(read_if_there(directory, "cpu.stat"));
    const auto time = [&text](const char *key) { return flat_value(text, key).value_or(0) * kNanoseconds; };
    cpu.total = time("usage_usec");
    cpu.user = time("user_usec");
    cpu.kernel = time("system_usec");
    cpu.throttled_time = time("throttled_usec");
    cpu.periods = flat_value(text, "nr_periods").value_or(0);
    cpu.throttled_periods = flat_value(text, "nr_throttled").value_or(0);
    cpu.pressure = TRY(pressure_if_there(directory, "cpu.pressure"));
    return {};
}

Result<Statistics::MemoryUse> read_memory_use(const CgroupDir &directory, const std::string &name) {
    Statistics::MemoryUse use;
    use.usage = TRY(number_if_there(directory, name + ".current"));
    use.limit = TRY(number_if_there(directory, name + ".max"));
    use.max = TRY(number_if_there(directory, name + ".peak"));
    return use;
}

Status read_memory(const CgroupDir &directory, Statistics::Memory &memory) {
    const std::string stat = TRY(read_if_there(directory, "memory.stat"));
    for (std::string_view text = stat; !text.empty();) {
        std::string_view line = take(text, '\n');
        const std::string_view key = take(line, ' ');
        if (const std::optional<std::uint64_t> value = whole_number(line)) {
            memory.raw.emplace(key, *value);
        }
    }
    memory.memory = TRY(read_memory_use(directory, "memory"));
    memory.swap = TRY(read_memory_use(directory, "memory.swap"));
    memory.pressure = TRY(pressure_if_there(directory, "memory.pressure"));
    return {};
}

Status read_pids(const CgroupDir &directory, Statistics &statistics) {
    const std::string current = TRY(read_if_there(directory, "pids.current"));
    if (const std::optional<std::uint64_t> number = whole_number(current)) {
        statistics.pids = *number;
        const std::uint64_t limit = TRY(number_if_there(directory, "pids.max"));
        statistics.pids_limit = limit == kNoLimit ? 0 : limit;
        return {};
    }
    for (const char letter : TRY(read_if_there(directory, "cgroup.procs"))) { // no controller: count them
        statistics.pids += letter == '\n' ? 1 : 0;
    }
    return {};
}

Status read_hugetlb(const CgroupDir &directory, Statistics &statistics) {
    const std::string controllers = TRY(read_if_there(directory, "cgroup.controllers"));
    if (!controllers.contains("hugetlb")) {
        return {};
    }
    for (const std::string &size : TRY(directory.files("hugetlb.", ".max"))) {
        if (size.contains('.')) {
            continue; // hugetlb.2MB.rsvd.max
        }
        const std::string name = "hugetlb." + size;
        Statistics::Hugetlb &use = statistics.hugetlb[size];
        const std::string reserved = TRY(read_if_there(directory, name + ".rsvd.current"));
        use.usage =
            reserved.empty() ? TRY(number_if_there(directory, name + ".current")) : whole_number(reserved).value_or(0);
        use.failures = flat_value(TRY(read_if_there(directory, name + ".events")), "max").value_or(0);
    }
    return {};
}

} // namespace

Pressure parse_pressure(std::string_view text) {
    Pressure pressure;
    while (!text.empty()) {
        std::string_view line = take(text, '\n');
        const std::string_view kind = take(line, ' ');
        if (kind != "some" && kind != "full") {
            continue;
        }
        Pressure::Line &into = kind == "some" ? pressure.some : pressure.full;
        while (!line.empty()) {
            std::string_view value = take(line, ' ');
            const std::string_view key = take(value, '=');
            if (key == "avg10") {
                into.avg10 = without_zeros(value);
            } else if (key == "avg60") {
                into.avg60 = without_zeros(value);
            } else if (key == "avg300") {
                into.avg300 = without_zeros(value);
            } else if (key == "total") {
                into.total = whole_number(value).value_or(0);
            }
        }
    }
    return pressure;
}

void parse_io(std::string_view text, Statistics::Io &io) {
    while (!text.empty()) {
        std::string_view line = take(text, '\n');
        std::string_view device = take(line, ' ');
        const std::optional<std::uint64_t> major = whole_number(take(device, ':')), minor = whole_number(device);
        if (!major || !minor) {
            continue;
        }
        while (!line.empty()) {
            std::string_view value = take(line, ' ');
            const std::string_view key = take(value, '=');
            const bool bytes = key == "rbytes" || key == "wbytes";
            if (!bytes && key != "rios" && key != "wios") {
                continue;
            }
            (bytes ? io.bytes : io.operations)
                .push_back({.major = *major,
                            .minor = *minor,
                            .value = whole_number(value).value_or(0),
                            .operation = key.starts_with('r') ? "Read" : "Write"});
        }
    }
}

std::map<std::string, Statistics::Rdma> parse_rdma(std::string_view text) {
    std::map<std::string, Statistics::Rdma> devices;
    while (!text.empty()) {
        std::string_view line = take(text, '\n');
        Statistics::Rdma &use = devices[std::string(take(line, ' '))];
        while (!line.empty()) {
            std::string_view value = take(line, ' ');
            const std::string_view key = take(value, '=');
            if (key == "hca_handle") {
                use.hca_handles = whole_number(value).value_or(0);
            } else if (key == "hca_object") {
                use.hca_objects = whole_number(value).value_or(0);
            }
        }
    }
    return devices;
}

Result<Statistics> read_statistics(const CgroupDir &directory) {
    Statistics statistics;
    TRY(read_cpu(directory, statistics.cpu));
    TRY(read_memory(directory, statistics.memory));
    TRY(read_pids(directory, statistics));
    parse_io(TRY(read_if_there(directory, "io.stat")), statistics.io);
    statistics.io.pressure = TRY(pressure_if_there(directory, "io.pressure"));
    TRY(read_hugetlb(directory, statistics));
    statistics.rdma = parse_rdma(TRY(read_if_there(directory, "rdma.current")));
    return statistics;
}

} // namespace ballast::isolate
