// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace ballast::container {

// The namespaces (CLONE_NEW*, as setns(2) wants them with a pidfd) of the process of `pidfd` that are not ours: the
// kernel refuses to join one's own user namespace, and joining one's own mount namespace changes the root. ESRCH when
// the process is gone.
Result<int> other_namespaces(BorrowedFd pidfd);

// The root directory of that process, as a descriptor (O_PATH). ESRCH.
Result<Fd> root_of(BorrowedFd pidfd);

} // namespace ballast::container
