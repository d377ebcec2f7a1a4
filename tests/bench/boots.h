// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/bench/contender.h"
#include "tests/bench/guest_facts.h"
#include "tests/bench/settings.h"

namespace ballast::bench {

// What the boots of one contender gave. Times are seconds from the start of QEMU until the guest reports that
// multi-user.target is reached.
struct BootSamples {
    std::vector<double> first;    // of a fresh disk, provisioned by cloud-init
    std::vector<double> later;    // of the same disk once more
    std::vector<double> idle_mib; // memory in use, kIdleTime after the later boot was complete
    std::vector<BootParts> parts; // of the later boots
    std::string blame;            // systemd-analyze blame of the last later boot
};

struct BootResults {
    BootSamples ours, theirs;
};

// Boots both in turn, `settings.rounds` times (5), one machine at a time. Each has 2 processors, 2 GiB of memory, a
// disk of 20 GiB and the same NoCloud seed, made in `scratch`. Prints a line a boot.
Result<BootResults> measure_boots(const Contender &ours, const Contender &theirs, const Settings &settings,
                                  const std::filesystem::path &scratch);

} // namespace ballast::bench
