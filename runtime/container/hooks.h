// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/oci/spec.h"

namespace ballast::container {

// Runs the hooks one after the other with `state` (JSON) on stdin and only the environment that they name. `kind` and
// the place stand in messages: "hooks.prestart[1] /bin/x: exit status 3: " and the end of what it wrote to stderr.
// A hook over its timeout is killed. With `inside`, a pidfd of the container's first process, a hook joins all its
// namespaces before it runs. Stops at the first that fails.
Status run_hooks(const std::string &kind, const std::vector<oci::Hook> &hooks, const std::string &state);
Status run_hooks_inside(const std::string &kind, const std::vector<oci::Hook> &hooks, const std::string &state,
                        BorrowedFd inside);

} // namespace ballast::container
