// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ballast::bench {

struct Engine {
    std::string name;
    std::string socket;
    std::vector<std::string> processes; // names
};

// From NAME=SOCKET,PROCESS[,PROCESS]...
Result<Engine> engine_of(const std::string &text);

} // namespace ballast::bench
