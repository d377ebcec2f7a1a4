// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/http/client.h"
#include "runtime/registry/hosts.h"
#include "runtime/registry/retry.h"

namespace ballast::registry {

// How images are pulled and pushed, from the engine's configuration.
struct RegistrySettings {
    HostSettings hosts = {};
    RetryPolicy retry = {};
    http::ClientPatience patience = {};
    unsigned downloads = 4; // "max-concurrent-downloads": layers of one pull at once
    unsigned uploads = 5;   // "max-concurrent-uploads"
    std::string user_agent = "ballast";
};

} // namespace ballast::registry
