// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace ballast::isolate {

// A process of a container can reach the program that it came from through /proc/PID/exe, and could overwrite it on the
// host (CVE-2019-5736). So the program runs from a read-only mount of its file: the one that it was started from, where
// that is read-only already as the image's /usr is; else a clone, which is in no mount namespace and cannot be made
// writable again; where the caller may not clone mounts, from a sealed copy in memory. Returns when that is so; else it
// starts the program anew, with the same arguments and environment.
Status protect_program();

} // namespace ballast::isolate
