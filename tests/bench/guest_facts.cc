// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/guest_facts.h"

#include <charconv>
#include <optional>
#include <sstream>

namespace ballast::bench {
namespace {

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

// The number right behind `key` at the start of a line.
Result<double> value_of(const std::string &text, const std::string &key) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(key)) {
            const std::size_t start = line.find_first_not_of(' ', key.size());
            if (const auto value = number(start == std::string::npos ? "" : std::string_view(line).substr(start))) {
                return *value;
            }
        }
    }
    return fail(EPROTO, "the guest did not say " + key);
}

std::string trimmed(const std::string &line) {
    const std::size_t start = line.find_first_not_of(' ');
    return start == std::string::npos ? "" : line.substr(start, line.find_last_not_of(' ') + 1 - start);
}

} // namespace

Result<BootParts> boot_parts(const std::string &properties, double total) {
    constexpr double kMicroseconds = 1e6;
    const double first_process = TRY(value_of(properties, "FirstProcess="));
    const double userspace = TRY(value_of(properties, "UserspaceTimestampMonotonic=")) / kMicroseconds;
    const double reached = TRY(value_of(properties, "TargetReached=")) / kMicroseconds;
    const double sent = TRY(value_of(properties, "ReportSent=")) / kMicroseconds;
    return BootParts{.loader = total - sent,
                     .kernel = first_process,
                     .initrd = userspace - first_process,
                     .userspace = reached - userspace,
                     .report = sent - reached};
}

std::vector<std::string> slowest_units(const std::string &blame, std::size_t most) {
    std::vector<std::string> units;
    std::istringstream lines(blame);
    for (std::string line; units.size() < most && std::getline(lines, line);) {
        line = trimmed(line);
        if (!line.empty() && !line.ends_with(".device") && !line.ends_with(" ballast-test-ready.service")) {
            units.push_back(line);
        }
    }
    return units;
}

Result<double> used_memory(const std::string &meminfo) {
    constexpr double kKibInMib = 1024;
    return (TRY(value_of(meminfo, "MemTotal:")) - TRY(value_of(meminfo, "MemAvailable:"))) / kKibInMib;
}

std::vector<std::string> biggest_packages(const std::string &size_report, std::size_t most) {
    std::vector<std::string> packages;
    std::istringstream lines(size_report);
    bool inside = false;
    for (std::string line; packages.size() < most && std::getline(lines, line);) {
        if (line == "biggest packages") {
            inside = true;
        } else if (inside && line.empty()) {
            break;
        } else if (inside) {
            packages.push_back(trimmed(line));
        }
    }
    return packages;
}

} // namespace ballast::bench
