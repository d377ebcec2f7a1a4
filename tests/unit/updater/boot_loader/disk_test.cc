// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/disk.h"

#include "tests/unit/check.h"

namespace ballast::updater::boot_loader {
namespace {

// As lsblk 2.41 prints it.
std::string printed(const std::string &partitions) {
    return R"({"blockdevices": [{"name": "/dev/vda", "start": null, "size": 21474836480, "parttype": null,
               "children": [)" +
           partitions + "]}]}";
}

const std::string kBios = R"({"name": "/dev/vda1", "start": 2048, "size": 1048576,
                             "parttype": "21686148-6449-6e6f-744e-656564454649"})";
const std::string kEsp = R"({"name": "/dev/vda2", "start": 4096, "size": 67108864,
                            "parttype": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"})";
const std::string kOther = R"({"name": "/dev/vda3", "start": 9, "size": 9, "parttype": "bc13c2ff"})";

} // namespace

TEST_CASE("a disk's boot loaders are found by the types of its partitions", "[boot_loader]") {
    CHECK(must(parse_disk(printed(kBios + "," + kEsp + "," + kOther))) ==
          Disk{.device = "/dev/vda", .bios = BiosPartition{.first = 2048, .sectors = 2048}, .esp = "/dev/vda2"});
    CHECK(must(parse_disk(printed(kOther))) == Disk{.device = "/dev/vda", .bios = {}, .esp = {}});
}

TEST_CASE("a disk that could be meant in two ways is refused, and so is what is no disk", "[boot_loader]") {
    CHECK(error_of(parse_disk(printed(kEsp + "," + kEsp))).message.contains("two partitions"));
    CHECK(error_of(parse_disk(printed(kBios + "," + kBios))).code == EINVAL);
    CHECK_FALSE(parse_disk("").has_value());
    CHECK_FALSE(parse_disk("{}").has_value());
    CHECK(error_of(disk_of("/proc")).code == ENODEV);
}

} // namespace ballast::updater::boot_loader
