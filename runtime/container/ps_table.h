// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

namespace ballast::container {

// The lines of ps(1), run with `options` ("-ef" when empty), that are about `pids`, and its heading. EINVAL when what
// it prints has no column "PID".
Result<std::string> ps_table(const std::vector<pid_t> &pids, std::vector<std::string> options);

// The choice by itself.
Result<std::string> lines_about(const std::vector<pid_t> &pids, const std::string &table);

} // namespace ballast::container
