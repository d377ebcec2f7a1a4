// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/stats.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargest = 1UL << 20;
constexpr std::uint64_t kNanoseconds = 1000; // in a microsecond

std::string content_of(const fs::path &file) { return read_file(file, kLargest).value_or(""); }

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, std::string_view at) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t start = text.find_first_not_of(at);
        if (start == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(start);
        const std::size_t end = std::min(text.find_first_of(at), text.size());
        parts.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

// Files of "key value" lines.
std::map<std::string, std::uint64_t> flat(const std::string &text) {
    std::map<std::string, std::uint64_t> values;
    for (const std::string_view line : split(text, "\n")) {
        const std::vector<std::string_view> words = split(line, " ");
        if (words.size() == 2) {
            if (const auto number = number_in(words[1])) {
                values.emplace(words[0], *number);
            }
        }
    }
    return values;
}

void read_cpu(const fs::path &cgroup, Stats &stats) {
    std::map<std::string, std::uint64_t> cpu = flat(content_of(cgroup / "cpu.stat"));
    stats.cpu_total = cpu["usage_usec"] * kNanoseconds;
    stats.cpu_user = cpu["user_usec"] * kNanoseconds;
    stats.cpu_kernel = cpu["system_usec"] * kNanoseconds;
    stats.periods = cpu["nr_periods"];
    stats.throttled_periods = cpu["nr_throttled"];
    stats.throttled_time = cpu["throttled_usec"] * kNanoseconds;
}

// The first line of /proc/stat: user nice system idle iowait irq softirq steal, in clock ticks (proc_stat(5)).
void read_system(Stats &stats) {
    const std::string text = content_of("/proc/stat");
    const auto ticks = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    for (const std::string_view line : split(text, "\n")) {
        const std::vector<std::string_view> words = split(line, " ");
        if (words[0] == "cpu") {
            for (std::size_t word = 1; word < words.size() && word <= 8; word++) {
                stats.system_cpu += number_in(words[word]).value_or(0) * (1'000'000'000 / ticks);
            }
        } else if (words[0].starts_with("cpu")) {
            stats.online_cpus++;
        }
    }
}

std::uint64_t machine_memory() {
    const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
    return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void read_memory(const fs::path &cgroup, Stats &stats) {
    stats.memory_usage = number_in(content_of(cgroup / "memory.current")).value_or(0);
    stats.memory_limit = number_in(content_of(cgroup / "memory.max")).value_or(machine_memory()); // "max": none
    stats.memory_stat = flat(content_of(cgroup / "memory.stat"));
}

// "8:0 rbytes=90112 wbytes=0 rios=6 …"
void read_io(const fs::path &cgroup, Stats &stats) {
    const std::string text = content_of(cgroup / "io.stat");
    for (const std::string_view line : split(text, "\n")) {
        const std::vector<std::string_view> words = split(line, " ");
        const std::vector<std::string_view> device = split(words[0], ":");
        for (const std::string_view word : words) {
            const char *operation = word.starts_with("rbytes=")   ? "read"
                                    : word.starts_with("wbytes=") ? "write"
                                                                  : nullptr;
            if (operation != nullptr && device.size() == 2) {
                stats.io_service_bytes.push_back({.major = number_in(device[0]).value_or(0),
                                                  .minor = number_in(device[1]).value_or(0),
                                                  .operation = operation,
                                                  .value = number_in(word.substr(7)).value_or(0)});
            }
        }
    }
}

} // namespace

// proc_pid_net(5): "eth0: bytes packets errs drop fifo frame compressed multicast" and the same for what was sent.
std::map<std::string, Stats::Network> read_networks(int pid) {
    std::map<std::string, Stats::Network> networks;
    const std::string text = content_of("/proc/" + std::to_string(pid) + "/net/dev");
    for (const std::string_view line : split(text, "\n")) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            continue; // the two lines of titles
        }
        const std::vector<std::string_view> name = split(line.substr(0, colon), " ");
        const std::vector<std::string_view> numbers = split(line.substr(colon + 1), " ");
        if (name.size() != 1 || numbers.size() < 12 || name[0] == "lo") {
            continue;
        }
        const auto at = [&numbers](std::size_t index) { return number_in(numbers[index]).value_or(0); };
        networks[std::string(name[0])] = {.rx_bytes = at(0),
                                          .rx_packets = at(1),
                                          .rx_errors = at(2),
                                          .rx_dropped = at(3),
                                          .tx_bytes = at(8),
                                          .tx_packets = at(9),
                                          .tx_errors = at(10),
                                          .tx_dropped = at(11)};
    }
    return networks;
}

Result<Stats> read_stats(const fs::path &cgroup, int pid) {
    Stats stats;
    stats.read = std::chrono::system_clock::now();
    read_system(stats);
    if (!cgroup.empty()) {
        read_cpu(cgroup, stats);
        read_memory(cgroup, stats);
        read_io(cgroup, stats);
        stats.pids = number_in(content_of(cgroup / "pids.current")).value_or(0);
        stats.pids_limit = number_in(content_of(cgroup / "pids.max")).value_or(0);
    }
    if (pid > 0) {
        stats.networks = read_networks(pid);
    }
    return stats;
}

} // namespace ballast::engine
