// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ballast::agent {

// The address that the machine shows where its default route leads; else any that is not its own alone. Empty: none.
std::string address_of_machine();

} // namespace ballast::agent
