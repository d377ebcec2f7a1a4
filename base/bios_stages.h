// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// GRUB's first two stages for BIOS: the boot sector, and the core that it loads from a partition of its own.
namespace ballast {

// The two BIOS stages as they must stand on disk.
struct BiosStages {
    std::string boot_sector; // 440 bytes for the first sector; the partition table behind them is not ours
    std::string core;        // for the BIOS-boot partition
};

// The sector in which a boot sector of GRUB's looks for the core. `boot_sector`: 440 bytes or more.
std::uint64_t core_sector_of(std::string_view boot_sector);

// Writes into the stages where the core begins (`core_sector`, in 512-byte sectors from the start of the disk): offsets
// 0x5c of boot.img (64-bit sector) and 0x1f4 of core.img (its own block list). EINVAL when they are not GRUB's.
Result<BiosStages> place_bios_stages(std::string boot_image, std::string core_image, std::uint64_t core_sector);

} // namespace ballast
