// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/engine.h"

namespace ballast::engine {

// The words of `docker top CONTAINER WORDS`, for ps. EINVAL for what would give columns of our own choice or a file.
Result<Texts> ps_words(const std::string &arguments);

// ps's table, with the processes of `pids` alone. EINVAL "Couldn't find PID field in ps output".
Result<Processes> parse_ps(const std::string &output, const std::vector<int> &pids);

} // namespace ballast::engine
