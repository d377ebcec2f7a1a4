// SPDX-License-Identifier: Apache-2.0
#include "base/metrics_page.h"

#include <cstdlib>
#include <filesystem>
#include <format>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast {
namespace {

double resident_bytes() {
    // "SIZE RESIDENT …", in pages.
    const std::string text = read_file("/proc/self/statm").value_or("");
    const std::size_t space = text.find(' ');
    if (space == std::string::npos) {
        return 0;
    }
    return std::strtod(text.c_str() + space, nullptr) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator all("/proc/self/fd", error);
    return static_cast<double>(std::distance(all, std::filesystem::directory_iterator()));
}

double processor_seconds() {
    rusage usage{};
    (void)getrusage(RUSAGE_SELF, &usage); // cannot fail with a good address
    const auto seconds = [](const timeval &time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace

void MetricsPage::describe(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += std::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

void MetricsPage::value(std::string_view labels, double number, std::int64_t time) {
    constexpr std::int64_t kMillisecond = 1'000'000;
    text_ += name_;
    text_ += labels.empty() ? "" : std::format("{{{}}}", labels);
    text_ += std::format(" {}{}\n", number, time == 0 ? "" : std::format(" {}", time / kMillisecond));
}

void MetricsPage::metric(std::string_view name, std::string_view type, std::string_view help, double number) {
    describe(name, type, help);
    value("", number);
}

void MetricsPage::add_process(std::string_view whose) {
    const std::string of = " of " + std::string(whose);
    metric("process_cpu_seconds_total", "counter", "Processor time" + of, processor_seconds());
    metric("process_resident_memory_bytes", "gauge", "Memory" + of, resident_bytes());
    metric("process_open_fds", "gauge", "Open descriptors" + of, open_descriptors());
}

} // namespace ballast
