// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>

#include "base/result.h"
#include "runtime/engine/engine.h"

namespace ballast::api {

// A container's security context. What it does not say is as tight as the engine can: nine capabilities, the default
// profiles of seccomp and AppArmor, /proc masked.
Status read_security(const ::runtime::v1::LinuxContainerConfig &config, engine::CreateRequest &request);

} // namespace ballast::api
