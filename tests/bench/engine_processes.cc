// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_processes.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "base/file_io.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

constexpr double kKibPerMib = 1024, kMillisecondsPerSecond = 1e3, kNanosecondsPerMillisecond = 1e6;
constexpr std::size_t kMostText = 64UL << 10;

// Of a process that ends meanwhile, nothing.
double pss_mib(const fs::path &process) {
    const Result<std::string> text = read_file(process / "smaps_rollup", kMostText);
    const std::size_t at = text.has_value() ? text->find("\nPss:") : std::string::npos;
    return at != std::string::npos ? std::strtod(text->c_str() + at + 5, nullptr) / kKibPerMib : 0;
}

double cpu_ms(pid_t process) {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return 0;
    }
    return static_cast<double>(used.tv_sec) * kMillisecondsPerSecond +
           static_cast<double>(used.tv_nsec) / kNanosecondsPerMillisecond;
}

bool is_number(const std::string &text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

Result<ProcessTotals> totals_of(const std::vector<std::string> &names) {
    ProcessTotals totals;
    std::error_code error;
    for (const auto &entry : fs::directory_iterator("/proc", error)) {
        if (!is_number(entry.path().filename())) {
            continue;
        }
        Result<std::string> name = read_file(entry.path() / "comm", kMostText);
        if (!name.has_value()) {
            continue;
        }
        name->erase(name->find_last_not_of('\n') + 1);
        if (std::ranges::contains(names, *name)) {
            const double pss = pss_mib(entry.path()), cpu = cpu_ms(std::stoi(entry.path().filename()));
            totals.pss_mib += pss;
            totals.cpu_ms += cpu;
            totals.cpu_of[*name] += cpu;
            totals.largest[*name] = std::max(totals.largest[*name], pss);
        }
    }
    if (error) {
        return fail_errno("read /proc", error.value());
    }
    return totals;
}

} // namespace ballast::bench
