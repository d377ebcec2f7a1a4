// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "runtime/isolate/outcome.h"

// Which processors a process may run on: sched_setaffinity(2).
namespace ballast::isolate {

// "0-3,7" as a mask for set_affinity(); EINVAL for what is no such list.
Result<std::vector<unsigned long>> parse_cpu_list(std::string_view list);
// Every processor: undoes what a process inherited; the kernel narrows it to the cpuset.
std::vector<unsigned long> all_processors();

// That of `pid` (0: ours); an empty mask leaves it. EINVAL: no processor of the mask is there or in the cpuset.
Outcome set_affinity(const std::vector<unsigned long> &mask, pid_t pid);

} // namespace ballast::isolate
