// SPDX-License-Identifier: Apache-2.0
#include "agent/node/usage.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/lines.h"
#include "base/timestamp.h"
#include "base/trimmed.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSecond = 1'000'000'000;

// The number behind "NAME" at a line's begin.
Amount number_in(const std::string &text, std::string_view name) {
    for (const std::string &line : lines_of(text)) {
        if (line.starts_with(name)) {
            const std::string_view rest = trimmed(std::string_view(line).substr(name.size()), " \t");
            std::uint64_t number = 0;
            const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
            return read.ec == std::errc() ? Amount(number) : std::nullopt;
        }
    }
    return std::nullopt;
}

// proc(5), /proc/stat: "cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ ...", in ticks. Guests are in USER.
Amount busy_time(const std::string &stat) {
    std::istringstream line(stat);
    std::string name;
    std::uint64_t user = 0, nice = 0, system = 0, idle = 0, waits = 0, irq = 0, soft = 0;
    if (!(line >> name >> user >> nice >> system >> idle >> waits >> irq >> soft) || name != "cpu") {
        return std::nullopt;
    }
    const auto ticks = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
    return (user + nice + system + irq + soft) * (kSecond / ticks);
}

} // namespace

NodeUsage read_node_usage(const fs::path &root, const fs::path &files) {
    constexpr std::uint64_t kKibi = 1024;
    NodeUsage node;
    node.usage.time = now_ns();
    const std::string stat = read_file(root / "proc/stat").value_or("");
    const std::string memory = read_file(root / "proc/meminfo").value_or("");
    const std::string faults = read_file(root / "proc/vmstat").value_or("");
    node.usage.cpu = busy_time(stat);
    node.booted = static_cast<std::int64_t>(number_in(stat, "btime ").value_or(0) * kSecond);
    const Amount total = number_in(memory, "MemTotal:"), free = number_in(memory, "MemFree:");
    const Amount idle_files = number_in(memory, "Inactive(file):"), anonymous = number_in(memory, "AnonPages:");
    if (total && free && idle_files) {
        const std::uint64_t used = *total - std::min(*total, *free);
        const std::uint64_t set = used - std::min(used, *idle_files);
        node.usage.memory = used * kKibi;
        node.usage.working_set = set * kKibi;
        node.usage.available = (*total - set) * kKibi;
    }
    if (anonymous) {
        node.usage.resident = *anonymous * kKibi;
    }
    node.usage.faults = number_in(faults, "pgfault ");
    node.usage.major_faults = number_in(faults, "pgmajfault ");
    struct statvfs storage{};
    if (::statvfs(files.c_str(), &storage) == 0) {
        node.files_capacity = storage.f_blocks * storage.f_frsize;
        node.files_available = storage.f_bavail * storage.f_frsize;
        node.inodes = storage.f_files;
        node.inodes_free = storage.f_ffree;
    }
    return node;
}

} // namespace ballast::agent
