// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

// Which of an index's images fits a machine (image specification, image-index.md).
namespace ballast::image {

struct Platform {
    std::string os = {};           // Go's GOOS
    std::string architecture = {}; // Go's GOARCH
    std::string variant = {};      // "v7" of arm, "v8" of arm64, "v3" of amd64; empty: the plain one
    std::string os_version = {};

    // "linux/arm/v7", "linux/amd64", "arm64", "linux": what is missing is this machine's. EINVAL for other forms.
    static Result<Platform> parse(std::string_view text);
    static Platform own();
    std::string text() const; // "linux/arm/v7"
    bool operator==(const Platform &) const = default;
};

// The usual spelling: x86_64 is amd64, aarch64 arm64, armhf arm/v7; arm64's v8 and amd64's v1 are the plain ones.
Platform normalized(Platform platform);

// How well an image of `offered` runs on `wanted`: 0 not at all, more is better. An older variant of the same
// architecture runs (arm v6 on v7, amd64 v2 on v3), a newer one does not; 32-bit ARM on arm64 runs, last of all.
int platform_rank(const Platform &wanted, const Platform &offered);

} // namespace ballast::image
