// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace ballast::bench {

// What the processes of these names (as the kernel knows them: at most 15 characters) hold and have used.
struct ProcessTotals {
    double pss_mib = 0;                      // shared pages by share
    double cpu_ms = 0;                       // of threads that have ended, too
    std::map<std::string, double> largest{}; // by name: MiB of the largest
    std::map<std::string, double> cpu_of{};  // by name: ms of all
};
Result<ProcessTotals> totals_of(const std::vector<std::string> &names);

} // namespace ballast::bench
