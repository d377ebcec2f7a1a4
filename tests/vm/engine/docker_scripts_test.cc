// SPDX-License-Identifier: Apache-2.0
// The scripts about containers in the image: real docker commands, line by line, with cgroups, systemd and the journal.
#include <catch2/catch_test_macros.hpp>

#include "tests/vm/engine/docker_machine.h"

using namespace ballast::vm;

TEST_CASE("docker commands that need the machine say and do what they should", "[vm]") {
    Machine machine = with_scripts();
    check_script(machine, "machine.sh");
    check_script(machine, "limits.sh");
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}
