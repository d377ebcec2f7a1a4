// SPDX-License-Identifier: Apache-2.0
#include "boot/drivers.h"

#include <catch2/catch_test_macros.hpp>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast::boot {
namespace {

TEST_CASE("devices of virtual machines come first, and each bus in an order of its own", "[boot]") {
    const TemporaryDirectory sysfs = scratch();
    const auto device = [&](const std::string &path, const std::string &alias) {
        must(make_directories(sysfs.path() / "bus" / path));
        must(write_file(sysfs.path() / "bus" / path / "modalias", alias));
    };
    device("pci/devices/0000:00:02.0", "pci:v2\n");
    device("pci/devices/0000:00:01.0", "pci:v1\n");
    device("virtio/devices/virtio1", "virtio:d2\n");
    device("i2c/devices/1-0050", "i2c:eeprom\n");                    // not a bus of disks
    must(make_directories(sysfs.path() / "bus/scsi/devices/host0")); // has no alias
    device("scsi/devices/0:0:0:0", "");
    CHECK(device_aliases(sysfs.path()) == std::vector<std::string>{"virtio:d2", "pci:v1", "pci:v2"});
    CHECK(device_aliases(sysfs.path() / "nothing").empty());
}

} // namespace
} // namespace ballast::boot
