// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace ballast::agent {

struct Machine {
    std::int64_t memory = 0; // bytes
    std::int64_t processors = 0;
};
Result<Machine> this_machine();

// The address that the machine shows where its default route leads; else any that is not its own alone. Empty: none.
std::string address_of_machine();

} // namespace ballast::agent
