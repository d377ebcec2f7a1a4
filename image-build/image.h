// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

// The whole build of one image, stage after stage.
namespace ballast::image_build {

struct ImageOptions {
    std::filesystem::path source = "."; // the checkout: os/, rootfs/ and the git commit
    std::filesystem::path programs;     // directory that holds usr/ with the built programs
    std::filesystem::path output = "out";
    std::filesystem::path cache = "/var/cache/ballast";
    std::string variant = "cloud";
    std::string formats = "raw,qcow2";
    std::string channel = "stable";
    std::string version;            // empty: by the manifest's scheme
    std::filesystem::path locked;   // a package lock; empty: the newest packages
    std::string mirror;             // BALLAST_DEBIAN_MIRROR
    std::filesystem::path key_home; // GnuPG's home with the signing keys; empty: the development key
    std::vector<std::string> keys;  // of key_home, to sign with and to trust; none: the only one there
    bool rebuild = false;           // ignore cached stages; the package cache serves all the same
    bool commit_only = false;       // stop after the commit, without publishing it; prints its checksum
};

// Builds and leaves in OUTPUT: repo/, images/ballast-VARIANT.{qcow2,raw.zst,lock,spdx.json,sizes.txt,build.json} and
// images/SHA256SUMS. Prints a line a stage; nothing is done when nothing changed. A file has its final name only when
// it is whole.
Status build_image(const ImageOptions &options);

} // namespace ballast::image_build
