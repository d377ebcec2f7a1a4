// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>

#include "base/result.h"
#include "runtime/engine/pods.h"

namespace ballast::api {

// What CreateContainer asks for, in the engine's words. EINVAL, ENOTSUP name the field; what depends on the machine or
// the sandbox is the engine's to say. Reads profiles of seccomp that the request names.
Result<engine::CreateRequest> read_container(const ::runtime::v1::CreateContainerRequest &request);

// Limits; what is not said is 0 or absent.
Result<engine::PodLimits> read_limits(const ::runtime::v1::LinuxContainerResources &from);

} // namespace ballast::api
