// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "image-build/package_set.h"
#include "image-build/tree.h"

namespace ballast::image_build {

// The bill of materials, SPDX 2.3 as JSON: the image, every Debian package in it with its SHA-256 and package URL, and
// Ballast's own programs. The same inputs give the same text.
std::string spdx_document(const std::string &image_name, const std::string &commit, const Release &release,
                          const std::vector<Package> &shipped);

// The packages whose files are in the image: those of the set that `dpkg_status` (dpkg's database after trimming) still
// has installed, and the boot loader packages.
std::vector<Package> shipped_packages(const PackageSet &set, const std::string &dpkg_status);

} // namespace ballast::image_build
