// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Names of the kernel's parameters, as sysctl.d(5) writes them.
namespace ballast {

// '.' for '/' and the other way around: the path below /proc/sys of a name with points.
std::string with_separators_swapped(std::string name);

// With points in between: whichever of '.' and '/' comes first separates, and the other one stands for it inside of a
// name. net/ipv4/conf/eth0.1/rp_filter is net.ipv4.conf.eth0/1.rp_filter.
std::string dotted_sysctl(std::string_view name);

} // namespace ballast
