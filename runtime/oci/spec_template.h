// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ballast::oci {

struct RootlessUser { // who becomes root inside of the container
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

// The config.json that `spec` writes for somebody to edit: a shell on a terminal, isolated, few capabilities, a read-
// only root at "rootfs". With a user: what works without privileges, as `spec --rootless` asks for.
std::string spec_template(const std::optional<RootlessUser> &rootless);

} // namespace ballast::oci
