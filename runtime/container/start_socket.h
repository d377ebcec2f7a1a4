// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "runtime/container/state.h"

// Where a created container waits: a socket in its directory, 0600 like all there. The process listens on it until it
// runs the program; the answer to `start` is the end of the connection (it runs) or a record of what failed.
namespace ballast::container {

Result<Fd> listen_for_start(const ContainerDir &directory);
// ECONNREFUSED when nobody waits any more.
Result<Fd> connect_to_start(const ContainerDir &directory);

} // namespace ballast::container
