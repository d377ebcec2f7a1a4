// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

namespace ballast::isolate {

// Enters `path`, inside the new root. What only `user` may enter, not root (a network or FUSE file system), is entered
// as that one. Fails at WorkingDirectoryOutside when the kernel says that the place is not below our root: a descriptor
// of the host's that was left open and is named by /proc/self/fd/N would be.
Outcome enter_directory(const std::string &path, const oci::User &user);

} // namespace ballast::isolate
