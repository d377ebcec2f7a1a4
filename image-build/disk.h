// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "image-build/manifest.h"

// The disk: GPT with BIOS-boot, ESP, /boot and root, assembled without mounts or loop devices.
namespace ballast::image_build {

struct DiskInputs {
    const Manifest *manifest;
    std::filesystem::path sysroot;    // its boot/ becomes the /boot partition, the rest the root partition
    std::string deployment;           // path below the sysroot; gets the immutable flag that keeps "/" read-only
    std::filesystem::path boot_files; // see boot_loader.h; grub.cfg is found in the deployment
    std::string identity;             // the commit: file system and partition ids are derived from it
    long long epoch;                  // SOURCE_DATE_EPOCH of the file systems
    std::filesystem::path scratch;
};

// Writes the raw, sparse disk image `output`. ENOSPC names the partition that is too small.
Status make_disk(const DiskInputs &inputs, const std::filesystem::path &output, const std::filesystem::path &log);

} // namespace ballast::image_build
