// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "image-build/manifest.h"

// From an installed Debian root file system to a tree that OSTree can deploy: /usr holds everything, /etc waits in
// /usr/etc, /var is empty and remade by tmpfiles.d on the machine (libostree's "Adapting existing systems").
namespace ballast::image_build {

struct Release {
    std::string version;       // VERSION_ID
    std::string build_id;      // BUILD_ID: source commit, "-dirty" when the checkout had changes
    std::string source_commit; // 40 hexadecimal digits, or "unknown"
    long long epoch = 0;       // SOURCE_DATE_EPOCH, seconds since 1970
};

struct TreeInputs {
    const Manifest *manifest;
    const Release *release;
    std::filesystem::path overlay;    // rootfs/
    std::filesystem::path programs;   // the install prefix's parent: holds usr/
    std::filesystem::path boot_files; // shimx64.efi, grubx64.efi, mmx64.efi, boot.img, core.img
    std::filesystem::path initramfs;
    std::filesystem::path sysusers; // os/sysusers.conf
    std::filesystem::path lock;     // the package lock, shipped for the operator
};

// Copies every file, link and directory of `from` into `tree`, owned by root; links in the tree never lead outside.
Status lay_over(const std::filesystem::path &from, const std::filesystem::path &tree);

// The one kernel release under usr/lib/modules of a tree.
Result<std::string> kernel_release(const std::filesystem::path &tree);

// Turns the trimmed root file system at `tree` into the deployable one, in place.
Status make_tree(const TreeInputs &inputs, const std::filesystem::path &tree, const std::filesystem::path &log);

} // namespace ballast::image_build
