// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

namespace ballast::engine {

inline constexpr const char *kDefaultApparmorProfile = "ballast-default";

// Whether the kernel has AppArmor and the profile in it (securityfs, apparmorfs).
bool apparmor_enabled();
bool apparmor_loaded(const std::string &profile);

// Gives the kernel the profile ballast-default, as apparmor_parser compiled it, unless it is there. Nothing to do
// without AppArmor. An error means that containers run without it.
Status load_default_apparmor(const std::filesystem::path &compiled);

} // namespace ballast::engine
