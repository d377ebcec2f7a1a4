// SPDX-License-Identifier: Apache-2.0
#include "base/bios_stages.h"

#include <format>

namespace ballast {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::size_t kBootCodeSize = 440;    // bytes before the disk signature and the partition table
constexpr std::size_t kKernelSectorAt = 0x5c; // boot.img: where the core begins
constexpr std::size_t kDriveCheckAt = 0x66;   // boot.img: a jump that a hard disk must not take
constexpr std::size_t kBlockListAt = 0x1f4;   // core.img: the one entry of diskboot's block list
constexpr std::uint16_t kCoreSegment = 0x820; // where diskboot loads the rest of the core
constexpr std::size_t kMostSectors = 0xffff;  // the block list counts them in 16 bits

void put_little_endian(std::string &bytes, std::size_t at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) {
        bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
    }
}

} // namespace

std::uint64_t core_sector_of(std::string_view boot_sector) {
    std::uint64_t sector = 0;
    for (std::size_t i = 8; i-- > 0;) {
        sector = sector << 8 | static_cast<unsigned char>(boot_sector[kKernelSectorAt + i]);
    }
    return sector;
}

Result<BiosStages> place_bios_stages(std::string boot_image, std::string core_image, std::uint64_t core_sector) {
    if (boot_image.size() != kSector || core_image.size() < 2 * kSector) {
        return fail(EINVAL, std::format("boot.img of {} and core.img of {} bytes are not GRUB's for BIOS",
                                        boot_image.size(), core_image.size()));
    }
    const std::size_t sectors = (core_image.size() + kSector - 1) / kSector;
    if (sectors - 1 > kMostSectors) {
        return fail(EINVAL,
                    std::format("core.img of {} bytes is more than its block list can name", core_image.size()));
    }
    core_image.resize(sectors * kSector, '\0');
    put_little_endian(boot_image, kKernelSectorAt, core_sector, 8);
    boot_image.replace(kDriveCheckAt, 2, "\x90\x90"); // a hard disk: do not second-guess the BIOS drive number
    put_little_endian(core_image, kBlockListAt, core_sector + 1, 8);
    put_little_endian(core_image, kBlockListAt + 8, sectors - 1, 2);
    put_little_endian(core_image, kBlockListAt + 10, kCoreSegment, 2);
    return BiosStages{boot_image.substr(0, kBootCodeSize), std::move(core_image)};
}

} // namespace ballast
