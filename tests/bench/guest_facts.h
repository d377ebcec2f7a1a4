// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

// What a booted guest says about itself, read from the text of its own tools.
namespace ballast::bench {

// Where a boot's time went, in seconds from the start of QEMU; the parts add up to the whole.
struct BootParts {
    double loader = 0;    // QEMU, firmware, boot loader, and the kernel before its clock starts
    double kernel = 0;    // until the first process, which is the initramfs's
    double initrd = 0;    // until systemd ran on the root file system
    double userspace = 0; // until multi-user.target
    double report = 0;    // from there until the event was sent
};

// `properties`: "Name=value" lines with FirstProcess (seconds of the kernel's clock), UserspaceTimestampMonotonic (of
// the manager), TargetReached and ReportSent (microseconds of it). `total`: seconds from the start of QEMU to
// the event. EPROTO names what is missing.
Result<BootParts> boot_parts(const std::string &properties, double total);

// The first `most` lines of systemd-analyze blame that are about units which did something: not devices, whose time is
// only when they appeared, and not the unit that reports to us.
std::vector<std::string> slowest_units(const std::string &blame, std::size_t most);

// MemTotal less MemAvailable, in MiB, of /proc/meminfo. EPROTO when it does not hold both.
Result<double> used_memory(const std::string &meminfo);

// The first `most` lines below the heading "biggest packages" of a size report.
std::vector<std::string> biggest_packages(const std::string &size_report, std::size_t most);

} // namespace ballast::bench
