// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "image-build/package_set.h"

// GRUB for both firmwares: Debian's signed shim and GRUB for UEFI, a core image of ours for BIOS.
namespace ballast::image_build {

// Takes the boot packages' files and writes into `output`: shimx64.efi, grubx64.efi, mmx64.efi, boot.img, core.img.
Status make_boot_files(const PackageSet &set, const PackageSource &source, const std::filesystem::path &scratch,
                       const std::filesystem::path &output, const std::filesystem::path &log);

// The two BIOS stages as they must stand on disk.
struct BiosStages {
    std::string boot_sector; // 440 bytes for the first sector; the partition table behind them is not ours
    std::string core;        // for the BIOS-boot partition
};

// Writes into the stages where the core begins (`core_sector`, in 512-byte sectors from the start of the disk): offsets
// 0x5c of boot.img (64-bit sector) and 0x1f4 of core.img (its own block list). EINVAL when they are not GRUB's.
Result<BiosStages> place_bios_stages(std::string boot_image, std::string core_image, std::uint64_t core_sector);

} // namespace ballast::image_build
