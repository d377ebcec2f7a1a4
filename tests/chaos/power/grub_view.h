// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "updater/grub_environment.h"

// What GRUB finds on a disk and makes of it: docs/design/boot.md.
namespace ballast::power {

struct MenuEntry {
    std::string id;
    std::string kernel, initramfs; // on the boot file system
    std::string ostree;            // the kernel argument: the deployment, on the root file system
};

// The part of the configuration that ballast-boot-entries writes. EINVAL when it is not whole.
Result<std::vector<MenuEntry>> parse_menu(std::string_view text);

// The id of the entry that starts, as the fixed half of the configuration decides.
std::string entry_that_starts(const std::vector<MenuEntry> &menu, const updater::GrubEnvironment &environment);

// Reads a disk with GRUB's own drivers (grub-fstest), which do not replay a journal.
class GrubDisk {
  public:
    // `scratch`: a directory for what is read.
    GrubDisk(std::filesystem::path disk, std::filesystem::path scratch)
        : disk_(std::move(disk)), scratch_(std::move(scratch)) {}
    // A file of the boot file system. ENOENT when GRUB cannot read it.
    Result<std::filesystem::path> copy_of(const std::string &path) const;
    Result<std::string> content_of(const std::string &path) const;
    // An environment block that cannot be read is an empty one to GRUB.
    Result<updater::GrubEnvironment> environment() const;
    Result<std::vector<MenuEntry>> menu() const;

  private:
    std::filesystem::path disk_, scratch_;
};

} // namespace ballast::power
