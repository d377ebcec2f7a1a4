// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace ballast::vm {

struct DiskImage {
    std::string format;     // qcow2 or raw
    std::uint64_t size = 0; // bytes that the guest sees
};

// By the file's first bytes: a qcow2 header, or else raw.
Result<DiskImage> inspect_disk(const std::filesystem::path &image);

// An overlay on `backing`, of `size` bytes or, when 0, of the backing disk's. EINVAL when that would cut the disk off.
Status make_overlay(const std::filesystem::path &backing, const std::filesystem::path &overlay, std::uint64_t size);

} // namespace ballast::vm
