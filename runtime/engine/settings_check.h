// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "runtime/engine/model.h"

namespace ballast::engine {

struct MachineFacts {
    unsigned processors = 1;
    bool cgroups = true; // limits can be set
};

// Whether a container can be as its creator says. EINVAL, ENOTSUP with Docker's words; warnings for what is left out,
// and takes it away.
Result<Texts> check_settings(Config &config, HostConfig &host, const MachineFacts &machine);
// The same for the limits alone: `docker update`.
Status check_resources(Resources &resources, const MachineFacts &machine, Texts &warnings);

// "TERM", "SIGTERM", "15", "RTMIN+3": its number. EINVAL "Invalid signal: X".
Result<int> signal_number(const std::string &text);

} // namespace ballast::engine
