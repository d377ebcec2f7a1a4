// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace ballast::bench {

// Asks 127.0.0.11 in the network namespace of a process for the IPv4 address of `name`, `count` times, each after the
// answer to the last. Milliseconds for all. Whatever is no answer with an address is an error.
Result<double> time_lookups(int pid, const std::string &name, int count);

} // namespace ballast::bench
