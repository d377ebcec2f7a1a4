// SPDX-License-Identifier: Apache-2.0
#include "agent/node/facts.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/lines.h"
#include "base/trimmed.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBlanks = " \t\r\n\""; // and quotes around a value

// Files of the kernel say what they hold when they are read, or are not there.
std::string text_of(const fs::path &file) { return std::string(trimmed(read_file(file).value_or(""), kBlanks)); }

std::int64_t number_of(std::string_view text) {
    std::int64_t number = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), number); // 0 when it is none
    return number;
}

// The value behind "NAME" and one of `separators` at a line's begin.
std::string value_in(const std::string &text, const std::string &name) {
    for (const std::string &line : lines_of(text)) {
        if (line.starts_with(name)) {
            return std::string(trimmed(std::string_view(line).substr(name.size()), kBlanks));
        }
    }
    return "";
}

// Of a cloud's machine or a board; as the kernel shows it to root.
std::string system_uuid(const fs::path &root, const std::string &machine_id) {
    const std::string uuid = text_of(root / "sys/class/dmi/id/product_uuid");
    return uuid.empty() ? machine_id : uuid;
}

std::map<std::string, std::int64_t> huge_pages(const fs::path &root) {
    constexpr std::int64_t kMebi = 1024, kGibi = kMebi * 1024; // in KiB, as directories are named
    std::map<std::string, std::int64_t> pages;
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(root / "sys/kernel/mm/hugepages", error)) {
        const std::string name = entry.path().filename(); // "hugepages-2048kB"
        const std::int64_t size = number_of(std::string_view(name).substr(std::min(name.size(), name.find('-') + 1)));
        if (size == 0) {
            continue;
        }
        const std::string shown = size % kGibi == 0   ? std::format("{}Gi", size / kGibi)
                                  : size % kMebi == 0 ? std::format("{}Mi", size / kMebi)
                                                      : std::format("{}Ki", size);
        pages["hugepages-" + shown] = number_of(text_of(entry.path() / "nr_hugepages")) * size * 1024;
    }
    return pages;
}

} // namespace

NodeFacts read_node_facts(const fs::path &root, const fs::path &files) {
    constexpr std::int64_t kKibi = 1024;
    NodeFacts facts;
    facts.machine_id = text_of(root / "etc/machine-id");
    facts.system_uuid = system_uuid(root, facts.machine_id);
    facts.boot_id = text_of(root / "proc/sys/kernel/random/boot_id");
    facts.kernel = text_of(root / "proc/sys/kernel/osrelease");
    facts.os_image = value_in(read_file(root / "etc/os-release").value_or(""), "PRETTY_NAME=");
    facts.processors = ::sysconf(_SC_NPROCESSORS_ONLN);
    const std::string memory = read_file(root / "proc/meminfo").value_or("");
    facts.memory = number_of(value_in(memory, "MemTotal:")) * kKibi;
    facts.memory_available = number_of(value_in(memory, "MemAvailable:")) * kKibi;
    struct statvfs storage{};
    if (::statvfs(files.c_str(), &storage) == 0) {
        facts.storage = static_cast<std::int64_t>(storage.f_blocks * storage.f_frsize);
        facts.storage_available = static_cast<std::int64_t>(storage.f_bavail * storage.f_frsize);
        facts.inodes = static_cast<std::int64_t>(storage.f_files);
        facts.inodes_free = static_cast<std::int64_t>(storage.f_ffree);
    }
    // "0.00 0.01 0.05 1/345 6789": those that run, of all
    const std::string load = text_of(root / "proc/loadavg");
    facts.processes = number_of(std::string_view(load).substr(std::min(load.size(), load.find('/') + 1)));
    facts.most_processes = std::min(number_of(text_of(root / "proc/sys/kernel/pid_max")),
                                    number_of(text_of(root / "proc/sys/kernel/threads-max")));
    facts.huge_pages = huge_pages(root);
    return facts;
}

} // namespace ballast::agent
