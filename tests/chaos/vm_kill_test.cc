// SPDX-License-Identifier: Apache-2.0
// The kill test in the image: systemd, scopes, cgroups, the real descriptor store. A minute of kills, or as many
// seconds as BALLAST_CHAOS_SECONDS says; BALLAST_CHAOS_SEED repeats a run.
#include <chrono>
#include <format>
#include <iostream>
#include <random>

#include "tests/unit/setting.h"
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("in the image, killed at random, engine, monitors and runtime come back to the truth", "[vm]") {
    Machine machine = booted();
    must(machine.copy_in(BALLAST_CHAOS_PROGRAM, "/var/lib/test/ballast-chaos"));
    must(machine.copy_in(BALLAST_WORKER_PROGRAM, "/var/lib/test/worker"));
    const Completed done = must(machine.run(
        std::format("/var/lib/test/ballast-chaos --seconds {} --seed {} --worker /var/lib/test/worker",
                    setting("BALLAST_CHAOS_SECONDS", 60), setting("BALLAST_CHAOS_SEED", std::random_device()())),
        std::chrono::minutes(30)));
    std::cout << done.output << std::flush;
    INFO(done.output << done.errors);
    CHECK(done.status == 0);
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
    check_says_nothing(machine, "systemctl list-units --no-legend --plain 'ballast-*.scope'");
}
