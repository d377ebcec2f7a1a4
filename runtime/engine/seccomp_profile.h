// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/engine/model.h"

// Seccomp profiles in the form that Docker and Podman share: rules with conditions, which hold or not for a container
// before it exists.
namespace ballast::engine {

// Debian's (golang-github-containers-common), compiled in.
std::string_view default_seccomp_profile();

struct SeccompFacts {
    Texts capabilities = {};       // of the container: "CAP_SYS_ADMIN"
    std::string architecture = {}; // as Go names it: "amd64"
    unsigned kernel_major = 0, kernel_minor = 0;
};

// The linux.seccomp object of config.json. EINVAL "Decoding seccomp profile failed: …" with the place of what is wrong.
Result<nlohmann::ordered_json> resolve_seccomp(std::string_view profile, const SeccompFacts &facts);

} // namespace ballast::engine
