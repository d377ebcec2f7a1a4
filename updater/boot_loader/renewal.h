// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"

// When the boot loader is renewed, and from what.
namespace ballast::updater::boot_loader {

inline constexpr const char *kFiles = "/usr/lib/ballast/boot";
inline constexpr const char *kRecord = "/var/lib/ballast-updater/boot-loader.json";

// The last deployment whose boot loader was put on the disk.
struct Renewed {
    std::string deployment; // its id
    std::int64_t built = 0; // BALLAST_EPOCH of its os-release: seconds since 1970

    bool operator==(const Renewed &) const = default;
};

// A file that is missing or makes no sense: nothing was renewed yet.
Renewed load_renewed(const std::filesystem::path &file);
Status save_renewed(const std::filesystem::path &file, const Renewed &renewed);

// Whether the boot loader of `running` is to be looked at: not when it was already, and not when it is older than what
// the disk has. Firmware that has seen a newer shim may refuse the older one, so after a rollback the newer one stays.
bool is_due(const Renewed &last, const Renewed &running);

} // namespace ballast::updater::boot_loader
