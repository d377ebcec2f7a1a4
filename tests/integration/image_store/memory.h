// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast::image {

// Of this process in bytes, the most at any time until now: proc_pid_status(5).
inline std::uint64_t most_memory() {
    const std::string status = must(read_file("/proc/self/status"));
    return std::stoull(status.substr(status.find("VmHWM:") + 6)) << 10;
}

} // namespace ballast::image
