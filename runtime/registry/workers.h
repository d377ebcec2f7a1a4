// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

#include "base/result.h"

namespace ballast::registry {

// Calls `work` for every number below `count`, in order, on `threads` threads with signals blocked. The first error is
// the result, and requests the stop, after which nothing new is begun. ECANCELED when somebody else requested it.
Status in_parallel(std::size_t count, unsigned threads, std::stop_source stop,
                   const std::function<Status(std::size_t)> &work);

} // namespace ballast::registry
