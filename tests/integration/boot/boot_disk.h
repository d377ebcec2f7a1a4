// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "updater/grub_environment.h"

// A disk that carries real GRUB and our boot file system, and no operating system.
namespace ballast::boot_test {

// Raw, GPT: BIOS-boot with GRUB's core, ESP with Debian's signed shim and GRUB, the ext4 file system labelled "boot".
// Both cores first read /test/grub.cfg of the boot file system.
class BootDisk {
  public:
    // `scratch` outlives the disk. Costs about a second.
    static Result<BootDisk> make(const std::filesystem::path &scratch);

    const std::filesystem::path &path() const { return disk_; }

    // Makes the boot file system anew from `tree`.
    Status install(const std::filesystem::path &tree);

    // The environment block as it stands on the disk.
    Result<std::string> read_block() const;
    // Overwrites it where it stands, as userspace does. Must have the same size.
    Status write_block(const std::string &block);
    Result<updater::GrubEnvironment> environment() const;

  private:
    explicit BootDisk(const std::filesystem::path &scratch) : scratch_(scratch), disk_(scratch / "disk.raw") {}
    Result<std::uint64_t> block_offset() const;

    std::filesystem::path scratch_;
    std::filesystem::path disk_;
};

} // namespace ballast::boot_test
