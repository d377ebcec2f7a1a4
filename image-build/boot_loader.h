// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"
#include "image-build/package_set.h"

// GRUB for both firmwares: Debian's signed shim and GRUB for UEFI, a core image of ours for BIOS.
namespace ballast::image_build {

// Takes the boot packages' files and writes into `output`: shimx64.efi, grubx64.efi, mmx64.efi, boot.img,
// core.img, and core.cfg, which the UEFI GRUB reads first. The tree carries them, too, for machines that are there
// already.
Status make_boot_files(const PackageSet &set, const PackageSource &source, const std::filesystem::path &scratch,
                       const std::filesystem::path &output, const std::filesystem::path &log);

} // namespace ballast::image_build
