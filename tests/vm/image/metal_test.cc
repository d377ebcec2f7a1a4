// SPDX-License-Identifier: Apache-2.0
// The image for hardware, on devices that the cloud's kernel does not serve.
#include <cstdlib>

#include "tests/vm/image/guest.h"
#include "tests/vm/test_logs.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("the metal image boots from an NVMe disk with an e1000e card", "[vm]") {
    const char *image = std::getenv("BALLAST_METAL_IMAGE"); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    MachineOptions options;
    options.image = image != nullptr && *image != '\0' ? image : "out/images/ballast-metal.qcow2";
    if (!std::filesystem::exists(options.image)) {
        SKIP(options.image.string() + " is not there; make it with ./dev image --variant metal");
    }
    options.log_directory = test_log_directory();
    options.firmware = Firmware::kUefi;
    options.disk_bus = DiskBus::kNvme;
    options.network_card = NetworkCard::kE1000e;
    Machine machine = must(Machine::boot(options)); // ready means: reached over that card
    CHECK(said(machine, "systemctl is-active multi-user.target") == "active");
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    CHECK(said(machine, "findmnt --noheadings --output SOURCE /var").starts_with("/dev/nvme0n1p"));
    CHECK(said(machine, "basename $(readlink /sys/class/net/en*/device/driver)") == "e1000e");
    CHECK(said(machine, ". /etc/os-release && echo $VARIANT_ID") == "metal");
    CHECK(must(machine.run("touch /usr/x")).errors.contains("Read-only file system"));
}
