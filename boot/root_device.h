// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace ballast::boot {

struct RootDevice {
    std::string path; // "/dev/vda4"
    std::string type; // "ext4"; empty when it is nothing that is known
};

// The device that root= names, when it is there now.
std::optional<RootDevice> find_root_device(const std::string &root);

} // namespace ballast::boot
