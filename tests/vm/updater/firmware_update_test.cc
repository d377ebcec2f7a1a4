// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "tests/vm/image/guest.h"
#include "tests/vm/updater/boot_loader.h"
#include "tests/vm/updater/whole_update.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("a machine with BIOS updates itself, and comes back from each kind of version that does not work", "[vm]") {
    update_through_bad_versions(Firmware::kBios);
}

TEST_CASE("a machine with UEFI updates itself, and comes back from each kind of version that does not work", "[vm]") {
    update_through_bad_versions(Firmware::kUefi);
}

TEST_CASE("a machine with Secure Boot updates itself, and comes back from each kind of version that does not work",
          "[vm]") {
    update_through_bad_versions(Firmware::kSecureBoot);
}

TEST_CASE("the signed boot loader is renewed, and Secure Boot starts it", "[vm]") {
    MachineOptions options = image_options();
    options.firmware = Firmware::kSecureBoot;
    Machine machine = must(Machine::boot(options));
    renew_boot_loader(machine);
    CHECK(said(machine, "dmesg").contains("Secure boot enabled"));
}
