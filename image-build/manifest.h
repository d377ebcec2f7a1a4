// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

// os/manifest.yaml: what the system is made of. docs/usage/image.md describes every key.
namespace ballast::image_build {

// The manifest as one variant sees it: the common part with the variant's own additions.
struct Manifest {
    std::string suite;                          // Debian release, "trixie"
    std::string version_scheme;                 // "{date}" and "{time}" (UTC, of the source commit) are replaced
    std::string stateroot;                      // OSTree's name for the machine's own state
    std::string ref;                            // "ballast/{channel}/x86_64/{variant}" with both replaced
    std::string variant;                        // VARIANT_ID
    std::string variant_name;                   // VARIANT, for people
    bool shipped = true;                        // false: only for tests, never in a release
    std::vector<std::string> packages;          // installed with their dependencies
    std::vector<std::string> boot_packages;     // unpacked beside the tree for their boot loader files, not installed
    std::vector<std::string> remove_packages;   // installed to build with, purged from the image
    std::vector<std::string> remove_paths;      // globs, relative to the root of the tree
    std::vector<std::string> initramfs_modules; // dracut modules
    std::vector<std::string> initramfs_drivers; // kernel modules in the initramfs
    std::vector<std::string> kernel_arguments;
    std::vector<std::string> enable_units;
    std::vector<std::string> mask_units;
    long long esp_mib = 0, boot_mib = 0, root_mib = 0; // partition sizes in the image

    // Reads `file` for `variant`. EINVAL names the place of an unknown key, a wrong value, or the variants there are.
    static Result<Manifest> load(const std::filesystem::path &file, const std::string &variant);
};

} // namespace ballast::image_build
