// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

namespace ballast::isolate {

// Makes the standard streams the user's, who may open them by name (/dev/stdout) only then. /dev/null stays as it is,
// and so does what cannot be given away (a read-only file system, an owner outside of our user namespace). Allocates
// nothing.
void give_standard_streams(uid_t uid, gid_t gid);

} // namespace ballast::isolate
