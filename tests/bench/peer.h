// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "image-build/manifest.h"

namespace ballast::bench {

// The definition of the system that ours is compared with (peer.yaml). docs/usage/bench.md describes every key.
struct Peer {
    std::string name;               // for people: "Debian 13 with docker.io"
    image_build::Manifest manifest; // the part that image-build knows: suite, packages, units, kernel arguments, disk
    std::map<std::string, std::string> files; // path below the root, content
    std::string grub;                         // its grub.cfg, with {release} and {arguments}
    std::string text;                         // the definition as it stands in the file

    // EINVAL names the place of an unknown key or a wrong value.
    static Result<Peer> load(const std::filesystem::path &file);

    // grub.cfg for the kernel `release`.
    std::string grub_configuration(const std::string &release) const;
};

} // namespace ballast::bench
