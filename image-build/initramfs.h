// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"
#include "image-build/manifest.h"

namespace ballast::image_build {

// Makes the host-independent initramfs with the dracut that the manifest's packages bring. `tree` is an unpacked, not
// yet trimmed root file system with rootfs/ laid over it (dracut copies prepare-root.conf from there). `own_module` is
// the directory of a dracut module called "ballast" (os/initramfs); the program out of `programs`, the files
// of an installation, becomes a file of that directory where there is one.
inline constexpr const char *kInitramfsProgram = "usr/lib/ballast/ballast-initramfs";
Status make_initramfs(const Manifest &manifest, const std::filesystem::path &own_module,
                      const std::filesystem::path &programs, const std::filesystem::path &tree, long long epoch,
                      const std::filesystem::path &output, const std::filesystem::path &log);

} // namespace ballast::image_build
