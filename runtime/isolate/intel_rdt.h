// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/oci/spec.h"

// Shares of cache and memory bandwidth (linux.intelRdt) by groups of the resctrl file system, /sys/fs/resctrl:
//   GROUP/schemata, GROUP/tasks                 a class of service
//   GROUP/mon_groups/ID/tasks                   one container's counters in it
namespace ballast::isolate {

// What a state file keeps.
struct RdtPlace {
    std::string group;   // "/" is the default class
    std::string monitor; // name in its mon_groups; empty: none
    bool made = false;   // by us and for this container alone: removed with it
};

struct RdtPlan {
    RdtPlace place;
    std::string schemata; // lines to write, in the order that the specification wants
};
// EINVAL for a class whose name is a path and for lines that are none. Pure.
Result<RdtPlan> plan_rdt(const oci::IntelRdt &rdt, const std::string &id);

// Makes or checks the group and puts `pid` (which does not run yet) in. ENOTSUP when resctrl is not mounted: the
// processor or the kernel lacks it. `root` is for tests; it is checked to be resctrl only when empty.
Result<RdtPlace> enter_rdt(const RdtPlan &plan, pid_t pid, const std::string &root = {});
// Removes what enter_rdt() made.
Status remove_rdt(const RdtPlace &place, const std::string &root = {});

// Whether each line of `wanted` is in force in `schemata` (the file's content): the kernel writes numbers its own way
// ("L3:0=00ff" for "L3:0=ff") and has domains in its own order.
bool schemata_match(std::string_view wanted, std::string_view schemata);

} // namespace ballast::isolate
