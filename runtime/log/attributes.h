// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "runtime/log/settings.h"

// For ballastd, before a monitor is started: what the options ask for from the container and from the network.
namespace ballast::container_log {

// What `labels`, `labels-regex`, `env` and `env-regex` choose, sorted by name. `environment`: NAME and value.
// EINVAL for a regular expression that is none.
Result<Pairs> log_attributes(const Pairs &options, const Pairs &labels, const Pairs &environment);

// The options with the host of syslog-address as a number. The monitor looks up no names; a server that moves is found
// again at the container's next start.
Result<Pairs> resolved_options(Pairs options);

} // namespace ballast::container_log
