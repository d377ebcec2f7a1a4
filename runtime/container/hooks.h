// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/oci/spec.h"

namespace ballast::container {

// Runs the hooks one after the other with `state` (JSON) on stdin and only the environment that they name. `kind` and
// the place stand in messages: "hooks.prestart[1] "/bin/x": exit status 3: " and the end of what it wrote to stderr
// (4 KiB). What it writes to stdout is dropped. A hook over its timeout is killed with its process group: ETIMEDOUT.
// One that we leave alone dies with us. What a hook leaves running behind it lives on. Stops at the first that fails.
Status run_hooks(const std::string &kind, const std::vector<oci::Hook> &hooks, const std::string &state);
// The same in all namespaces of `inside`, a pidfd of the container's first process. The path is looked up in there: for
// createContainer, whose paths are the host's, call it before pivot_root(2). ESRCH when that process is gone.
Status run_hooks_inside(const std::string &kind, const std::vector<oci::Hook> &hooks, const std::string &state,
                        BorrowedFd inside);

} // namespace ballast::container
