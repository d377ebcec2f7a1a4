// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// The user and the groups of a process: credentials(7).
namespace ballast::isolate {

// Exactly the additional groups of the specification, none of the caller's. `allowed` is false in a user namespace
// whose /proc/PID/setgroups says "deny": there the caller's groups cannot be given up, so only groups asked for are an
// error.
Outcome set_groups(const oci::User &user, bool allowed);
// Real, effective and saved ids, groups first, and reads back what they are. EINVAL: not mapped in the user namespace.
Outcome set_ids(const oci::User &user);

// The home directory of `uid` by /etc/passwd inside `root`; "/" when that has none or there is no such file. The file
// is the container's: it is read as far as 4 MiB, lines over 4 KiB are passed over, and what is not a regular file is
// EINVAL.
Result<std::string> home_of(BorrowedFd root, uid_t uid);

} // namespace ballast::isolate
