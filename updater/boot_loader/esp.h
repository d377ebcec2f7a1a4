// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"
#include "updater/boot_loader/step.h"

// The signed boot loader for UEFI: shim starts GRUB, which reads EFI/debian/grub.cfg.
namespace ballast::updater::boot_loader {

// Makes the files of the EFI system partition mounted at `esp` those of `from` (/usr/lib/ballast/boot). True: some were
// others. New files are whole and on disk under other names before the first one is exchanged (RENAME_EXCHANGE), GRUB
// before the shim that starts it; so at every moment each name is a whole old or new file, and a new shim never meets
// an old GRUB, which it may have been told to refuse. What an earlier attempt left is removed. ENOSPC changes nothing.
Result<bool> update_esp(const std::filesystem::path &from, const std::filesystem::path &esp, const Step &step = {});

} // namespace ballast::updater::boot_loader
