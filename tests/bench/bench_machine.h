// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "tests/bench/settings.h"
#include "tests/vm/machine_options.h"

// The machines that benchmarks measure in.
namespace ballast::bench {

// Of an image of OUTPUT/images ("cloud", "test"), with its logs in `logs` below settings.logs(). ENOENT: it is not
// there.
Result<vm::MachineOptions> machine_of(const Settings &settings, const std::string &variant,
                                      const std::filesystem::path &logs);

inline constexpr int kPodsOfNode = 110; // kubelet's default

// How many pods are started together: as many as were asked for; else as a node may have, or `emulated`, where machines
// are, of which more would take hours.
Result<int> pods_together(const Settings &settings, int emulated);

} // namespace ballast::bench
