// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "runtime/registry/credentials.h"
#include "runtime/registry/registry_settings.h"

namespace ballast::registry {

struct LoginAnswer {
    std::string status;         // "Login Succeeded"
    std::string identity_token; // to be kept in place of the password; empty: keep the password
};

// POST /auth: whether a registry takes these credentials. EACCES when it refuses them.
Result<LoginAnswer> log_in(const RegistrySettings &settings, const Credentials &credentials, std::stop_token stop = {});

} // namespace ballast::registry
