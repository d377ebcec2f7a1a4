// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

// Lists of processors and memory nodes in the kernel's "list format": "0-3,7" (cpuset(7)).
namespace ballast::isolate {

inline constexpr unsigned kMostProcessors = 8192;  // CONFIG_NR_CPUS reaches this far
inline constexpr unsigned kMostMemoryNodes = 1024; // CONFIG_NODES_SHIFT ends at 10

// The list as a bit mask in words of unsigned long, as the kernel takes it. Blanks around an element and empty elements
// are passed over, as other runtimes do; EINVAL for anything else, for an empty list and for numbers of `limit` and up.
Result<std::vector<unsigned long>> parse_number_list(std::string_view list, unsigned limit);

} // namespace ballast::isolate
