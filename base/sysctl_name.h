// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Names of the kernel's parameters, as sysctl.d(5) writes them.
namespace ballast {

// Whichever of '.' and '/' comes first separates, and the other one stands for it inside of a name.

// With points in between: net/ipv4/conf/eth0.1/rp_filter is net.ipv4.conf.eth0/1.rp_filter.
std::string dotted_sysctl(std::string_view name);

// The other way around: the file below /proc/sys.
std::string sysctl_path(std::string_view name);

} // namespace ballast
