// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace ballast::images {

// What an image is for, in the words of the OCI image specification (which are Go's).
struct Platform {
    std::string os;
    std::string architecture;
    std::string variant; // "" or as in arm/v7

    bool operator==(const Platform &) const = default;
    std::string describe() const; // "linux/arm/v7"
};

// "linux/amd64", "linux/arm64", "linux/arm/v7", …: those that Debian has an architecture for. EINVAL lists them.
Result<Platform> parse_platform(const std::string &text);

// Debian's name of the architecture: "armhf" for linux/arm/v7.
std::string debian_architecture(const Platform &platform);

// The platform this program was compiled for, and with it our own test programs.
Platform build_platform();

} // namespace ballast::images
