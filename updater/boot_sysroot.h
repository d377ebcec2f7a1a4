// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

// Makes the boot menu of a system root, running or offline, as libostree asks for it.
namespace ballast::updater {

// Writes `output`, which is SYSROOT/boot/loader.N/grub.cfg, from SYSROOT/boot/loader.N/entries/ostree-*.conf and the
// boot links SYSROOT/ostree/boot.N/…, which libostree has in place before it calls. `output` holds the whole menu or is
// untouched. ENOENT when the entries or a link are missing (for an offline root: when this runs in a chroot).
Status write_boot_menu(const std::filesystem::path &output);

} // namespace ballast::updater
