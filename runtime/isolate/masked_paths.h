// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"

// linux.maskedPaths and linux.readonlyPaths. What does not exist needs neither.
namespace ballast::isolate {

// A detached clone of the host's /dev/null, verified by its number, read-only so that nobody changes its mode through a
// mask. Not open and errno on failure; allocates nothing.
Fd open_null();

// Files are covered by clones of `null`, directories by one empty read-only tmpfs, with `label` where that is not
// empty.
Outcome mask_paths(const std::vector<std::string> &paths, int root, int null, const std::string &label);
Outcome make_readonly(const std::vector<std::string> &paths, int root);

} // namespace ballast::isolate
