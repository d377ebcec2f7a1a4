// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/subprocess.h"

// QEMU around a BootDisk: from power-on to the moment at which GRUB would start a kernel.
namespace ballast::boot_test {

enum class Firmware { kBios, kUefi, kSecureBoot };

struct MachineOptions {
    Firmware firmware = Firmware::kBios;
    bool read_only = false; // the disk refuses writes
};

// Powers on and waits until the machine restarts itself; what it wrote to its serial line. ETIMEDOUT after two minutes.
Result<std::string> power_cycle(const std::filesystem::path &disk, const MachineOptions &options);

// The same with a person at the serial line, who presses Escape until the menu shows and then types `keys`.
Result<std::string> power_cycle_with_keys(const std::filesystem::path &disk, const MachineOptions &options,
                                          const std::string &keys);

} // namespace ballast::boot_test
