// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

// Profiles as engines ship them (containers-common's seccomp.json) are conditional on architecture and capabilities;
// an OCI runtime wants them resolved.
namespace ballast::bundles {

// The `linux.seccomp` of a container on x86-64 with these capabilities ("CAP_CHOWN"). EINVAL when it is no profile.
Result<nlohmann::ordered_json> resolve_profile(const std::string &text, const std::vector<std::string> &capabilities);

} // namespace ballast::bundles
