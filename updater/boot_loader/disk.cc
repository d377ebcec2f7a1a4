// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/disk.h"

#include <fcntl.h>
#include <format>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/subprocess.h"

namespace ballast::updater::boot_loader {
namespace {

namespace fs = std::filesystem;

// Of the UEFI and Discoverable Partitions specifications, as lsblk spells them.
constexpr std::string_view kBiosType = "21686148-6449-6e6f-744e-656564454649";
constexpr std::string_view kEspType = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
constexpr std::uint64_t kSector = 512;
constexpr std::chrono::seconds kPatience{30};

Status add_partition(const JsonCursor &partition, Disk &disk) {
    const std::string_view type = partition.at("parttype").view();
    const bool again = (type == kBiosType && disk.bios) || (type == kEspType && !disk.esp.empty());
    if (again) {
        return fail(EINVAL, disk.device + " has two partitions of the type " + std::string(type));
    }
    if (type == kBiosType) {
        disk.bios = BiosPartition{.first = partition.need("start").number<std::uint64_t>(),
                                  .sectors = partition.need("size").number<std::uint64_t>() / kSector};
    } else if (type == kEspType) {
        disk.esp = partition.need("name").text();
    }
    return {};
}

} // namespace

Result<Disk> parse_disk(std::string_view json) {
    JsonDocument document = TRY(JsonDocument::parse(json, "lsblk"));
    Disk disk;
    for (const JsonCursor device : JsonCursor(document).need("blockdevices").items(1)) {
        disk.device = device.need("name").absolute_path();
        for (const JsonCursor partition : device.at("children").items()) {
            TRY(add_partition(partition, disk));
        }
    }
    TRY(document.status());
    return disk;
}

Result<Disk> disk_of(const fs::path &directory) {
    const Fd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    struct stat facts{};
    if (fstat(fd.get(), &facts) != 0) {
        return fail_errno("look at " + directory.string());
    }
    const fs::path link = std::format("/sys/dev/block/{}:{}", major(facts.st_dev), minor(facts.st_dev));
    std::error_code error;
    const fs::path partition = fs::canonical(link, error); // ".../block/vda/vda3"
    if (error || !fs::exists(partition / "partition", error)) {
        return fail(ENODEV, directory.string() + " is not on a partition of a disk");
    }
    const std::string device = "/dev/" + partition.parent_path().filename().string();
    return parse_disk(TRY(run_checked(
        {.arguments = {"lsblk", "--json", "--bytes", "--paths", "--output", "NAME,START,SIZE,PARTTYPE", device},
         .timeout = kPatience})));
}

} // namespace ballast::updater::boot_loader
