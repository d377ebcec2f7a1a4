// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/vm/credentials.h"
#include "tests/vm/machine_options.h"

// QEMU's command line as data: pure, so that what a machine is made of can be tested without starting one.
namespace ballast::vm {

// What the options do not say: the files of this one run.
struct QemuFiles {
    std::filesystem::path disk;           // the first disk: overlay or image
    std::string disk_format;              // qcow2 or raw
    std::filesystem::path seed;           // NoCloud disk; empty: none
    std::filesystem::path variables;      // UEFI variable store, ours to write; empty under BIOS
    std::filesystem::path qmp_socket;     // we listen on it, QEMU connects
    std::filesystem::path console_socket; // QEMU listens on it
    std::filesystem::path serial_log;     // appended to
    std::filesystem::path ready;          // what the guest wrote to kReadyPort, appended to
};

// How many disks can be attached while the machine runs; each has a PCI Express port "hotplugN" of its own.
inline constexpr unsigned kHotplugPorts = 4;

// The path of OVMF's code, and of the variable store that a machine starts with. Not for kBios.
std::filesystem::path firmware_code(Firmware firmware);
std::filesystem::path firmware_variables(Firmware firmware);

// EINVAL with a message when the options contradict each other or are out of range.
Status check_options(const MachineOptions &options);

// QEMU and its arguments. The machine stands paused at its first instruction ("-S") until QMP says "cont"; with
// `restoring` it waits for a saved state instead of for a boot ("-incoming defer"). Host ports are chosen by the kernel
// (port 0) on 127.0.0.1.
std::vector<std::string> plan_qemu(const MachineOptions &options, Accelerator accelerator,
                                   const Credentials &credentials, const QemuFiles &files, bool restoring);

// Guest port to host port, from what QEMU's monitor says to "info usernet".
std::map<std::uint16_t, std::uint16_t> parse_forwards(const std::string &usernet);

} // namespace ballast::vm
