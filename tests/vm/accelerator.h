// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "tests/vm/machine_options.h"

// Which accelerator works here. That /dev/kvm exists proves nothing: under some hypervisors guests start and then die
// or stand still, so a tiny guest has to say its word first.
namespace ballast::vm {

// KVM when the probe's guest answers, else TCG. Asked once per boot of this host and version of QEMU; the answer is
// kept in `state_directory`.
Result<Accelerator> working_accelerator(const std::filesystem::path &state_directory);

// The disk of the probe's guest: a boot sector that enters protected mode, runs a BMI2 instruction where the processor
// has them (an instruction emulator that poses as KVM stops there), and says "ballast" on the debug port 0xe9.
std::string probe_disk();

// "QEMU emulator version ...", the first line of --version.
Result<std::string> qemu_version();

} // namespace ballast::vm
