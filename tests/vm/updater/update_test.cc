// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "tests/vm/image/guest.h"
#include "tests/vm/updater/boot_loader.h"
#include "tests/vm/updater/whole_update.h"

using namespace ballast::vm;

TEST_CASE("the image updates itself, comes back from a version that panics, takes the next, and is rolled back",
          "[vm]") {
    update_through_a_panic();
}

TEST_CASE("the boot loader for both firmwares is renewed, and the machine starts with it", "[vm]") {
    Machine machine = booted();
    renew_boot_loader(machine);
}
