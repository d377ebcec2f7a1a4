// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "updater/boot_loader/step.h"

// GRUB for BIOS: the boot sector, and a core in the BIOS-boot partition, which has room for two.
namespace ballast::updater::boot_loader {

struct BiosPartition {
    std::uint64_t first = 0;   // sector of 512 bytes
    std::uint64_t sectors = 0; // that it has

    bool operator==(const BiosPartition &) const = default;
};

// Makes the boot code of the open `disk` boot.img and core.img. True: it was another one. The new core goes into the
// half of the partition that is not in use and is read back; then the boot sector alone, one sector, switches over.
// EINVAL when the boot sector does not look for its core in that partition: it is somebody else's, and stays. ENOSPC
// when the core is larger than half of the partition.
Result<bool> update_bios(const Fd &disk, const BiosPartition &partition, const std::string &boot_image,
                         const std::string &core_image, const Step &step = {});

} // namespace ballast::updater::boot_loader
