// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/result.h"

// Watching a guest from outside while it boots: what it wrote to its ready port and to its serial console.
namespace ballast::vm {

struct BootWatch {
    std::filesystem::path ready;      // lines, each a boot id
    std::filesystem::path serial_log; // searched for a kernel panic from `serial_offset` on
    std::uint64_t serial_offset = 0;
    std::string not_boot_id; // the boot that is over: its id does not count
    bool panic_is_fatal = true;
};

// Sleeps until the guest reports a boot and returns its boot id. ECHILD when QEMU (`pidfd`) ends, ENOTRECOVERABLE when
// the kernel panics, EAGAIN when it does so only because the host is too busy to emulate a timer (a reset helps),
// ETIMEDOUT; each with the end of the serial log and its path.
Result<std::string> wait_for_boot(const BootWatch &watch, BorrowedFd pidfd, std::chrono::milliseconds timeout);

// "last lines of PATH:" and those lines, indented, control characters taken out.
std::string serial_tail(const std::filesystem::path &serial_log);

// The last line that ends in a newline, or nothing.
std::string last_line(const std::string &text);

} // namespace ballast::vm
