// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "base/fd.h"

namespace ballast::isolate {

// Makes the standard streams the user's, who may open them by name (/dev/stdout) only then. /dev/null stays as it is,
// and so does what cannot be given away (a read-only file system, an owner outside of our user namespace). Allocates
// nothing.
void give_standard_streams(uid_t uid, gid_t gid);

// The same from outside of the user namespace that `pid` is in, whose ids these are; `proc` is the host's /proc. Its
// own root may not: whoever made the streams is nobody in there.
void give_mapped_standard_streams(uid_t uid, gid_t gid, BorrowedFd proc, pid_t pid);

} // namespace ballast::isolate
