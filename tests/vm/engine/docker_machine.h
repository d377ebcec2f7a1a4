// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/vm/image/guest.h"

// Machines that run docker commands, and the scripts of tests/docker.
namespace ballast::vm {

// The image "busybox", and /var/lib/test/reach.
void load_busybox(Machine &machine);

// From the snapshot, with the image "busybox", and the scripts and what they use in /var/lib/test.
Machine with_scripts();

// `docker compose`, which the image leaves to its users.
void add_compose(Machine &machine);

// Runs one of the scripts; a check for its status, with all that it says.
void check_script(Machine &machine, const std::string &name);

} // namespace ballast::vm
