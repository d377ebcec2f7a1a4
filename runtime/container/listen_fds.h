// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/oci/spec.h"

namespace ballast::container {

// Sockets that systemd gave the runtime's caller, sd_listen_fds(3): with LISTEN_FDS=N the container's program gets
// descriptors 3 to 3+N-1 and the variables, LISTEN_PID naming it as the first process of its pid namespace. Returns N;
// 0 when the variable is not set or is no number of descriptors.
unsigned pass_listen_fds(oci::Process &process);

} // namespace ballast::container
