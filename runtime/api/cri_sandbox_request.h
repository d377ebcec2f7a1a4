// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <runtime/v1/api.pb.h>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/engine/pods.h"

namespace ballast::api {

// What RunPodSandbox asks for, in the engine's words. EINVAL, ENOTSUP name the field; what depends on the machine is
// the engine's to say.
Result<engine::SandboxRequest> read_sandbox(const ::runtime::v1::RunPodSandboxRequest &request);

// Bits a second of an annotation like "10M": a number and a unit of Kubernetes' (k M G T Ki Mi Gi Ti, or none).
Result<std::uint64_t> read_bandwidth(std::string_view text);

} // namespace ballast::api
