// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/json/json_cursor.h"

// The names that a config.json may hold, by specification 1.3.0. The reader takes what stands here and nothing else,
// and `features` lists the same tables.
namespace ballast::oci {

using NameTable = std::span<const NamedNumber>;

NameTable hook_names();            // numbers are without meaning
NameTable namespace_names();       // NamespaceType
NameTable rlimit_names();          // RLIMIT_*
NameTable scheduler_policies();    // SCHED_*
NameTable scheduler_flags();       // SCHED_FLAG_*
NameTable io_classes();            // IOPRIO_CLASS_*
NameTable propagation_names();     // numbers are without meaning
NameTable personality_domains();   // PER_*
NameTable memory_policy_modes();   // MPOL_*
NameTable memory_policy_flags();   // MPOL_F_*
NameTable seccomp_actions();       // the highest errnoRet that the action takes; 0: none
NameTable seccomp_operators();     // numbers are without meaning
NameTable seccomp_architectures(); // numbers are without meaning
NameTable seccomp_flags();         // SECCOMP_FILTER_FLAG_*

inline constexpr std::string_view kOldestSpecVersion = "1.0.0";
inline constexpr std::string_view kNewestSpecVersion = "1.3.0";
inline constexpr unsigned kSpecMinor = 3;

// The capabilities of <linux/capability.h> have numbers from 0 on, without gaps.
std::span<const std::string_view> capability_names();

} // namespace ballast::oci
