// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/bios.h"

#include <fcntl.h>
#include <format>
#include <unistd.h>

#include "base/bios_stages.h"
#include "base/positioned_io.h"

namespace ballast::updater::boot_loader {
namespace {

constexpr std::uint64_t kSector = 512;

// From the disk, not from memory: who wrote to the partition's own device was not seen by the disk's.
Result<std::string> read_sectors(const Fd &disk, std::uint64_t sector, std::size_t size) {
    (void)::posix_fadvise(disk.get(), static_cast<off_t>(sector * kSector), static_cast<off_t>(size),
                          POSIX_FADV_DONTNEED); // best effort
    std::string bytes = TRY(read_at(disk, sector * kSector, size, "read the boot code"));
    if (bytes.size() < size) {
        return fail(EINVAL, std::format("the disk ends before sector {}", sector));
    }
    return bytes;
}

Status write_sectors(const Fd &disk, std::uint64_t sector, const std::string &bytes, const Step &step) {
    if (step) {
        step();
    }
    TRY(write_at(disk, sector * kSector, bytes, "write the boot code"));
    return ::fsync(disk.get()) == 0 ? Status() : fail_errno("sync the boot code");
}

} // namespace

Result<bool> update_bios(const Fd &disk, const BiosPartition &partition, const std::string &boot_image,
                         const std::string &core_image, const Step &step) {
    std::string sector = TRY(read_sectors(disk, 0, kSector));
    const std::uint64_t half = partition.sectors / 2;
    const std::uint64_t used = core_sector_of(sector);
    if (used != partition.first && used != partition.first + half) {
        return fail(EINVAL, std::format("the boot sector looks for its core in sector {}, and the BIOS-boot partition "
                                        "begins at {}: it is not this system's, and stays",
                                        used, partition.first));
    }
    const BiosStages present = TRY(place_bios_stages(boot_image, core_image, used));
    if (present.core.size() > half * kSector) {
        return fail(ENOSPC, std::format("a core of {} bytes does not fit twice into the BIOS-boot partition of {}",
                                        present.core.size(), partition.sectors * kSector));
    }
    if (sector.starts_with(present.boot_sector) && TRY(read_sectors(disk, used, present.core.size())) == present.core) {
        return false;
    }
    const std::uint64_t other = used == partition.first ? partition.first + half : partition.first;
    const BiosStages next = TRY(place_bios_stages(boot_image, core_image, other));
    TRY(write_sectors(disk, other, next.core, step));
    if (TRY(read_sectors(disk, other, next.core.size())) != next.core) {
        return fail(EIO, "the BIOS-boot partition does not keep what is written to it");
    }
    sector.replace(0, next.boot_sector.size(), next.boot_sector); // signature and partition table stay
    TRY(write_sectors(disk, 0, sector, step));
    return true;
}

} // namespace ballast::updater::boot_loader
