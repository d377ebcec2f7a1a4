// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "updater/boot_loader/bios.h"

// Where a disk has its boot loaders, by the types of its partitions.
namespace ballast::updater::boot_loader {

struct Disk {
    std::string device;                // "/dev/vda"
    std::optional<BiosPartition> bios; // nothing: the disk has no such partition
    std::string esp;                   // "/dev/vda2"; empty: none

    bool operator==(const Disk &) const = default;
};

// What `lsblk --json --bytes --paths --output NAME,START,SIZE,PARTTYPE DISK` prints. EINVAL when it is no such text,
// or when a type is there twice: which of them the firmware uses nobody can tell.
Result<Disk> parse_disk(std::string_view json);

// The disk that holds the file system of `directory`. An automount is triggered. ENODEV when it is not a partition.
Result<Disk> disk_of(const std::filesystem::path &directory);

} // namespace ballast::updater::boot_loader
