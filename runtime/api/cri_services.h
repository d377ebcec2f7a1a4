// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/grpc/call.h"
#include "runtime/api/backend.h"

// Kubernetes' container runtime interface, version 1, as gRPC's methods. `backend` outlives them.
namespace ballast::api {

// All of ImageService.
grpc::Methods cri_image_methods(const Backend &backend);

// Of RuntimeService: what the engine says of itself; pods' sandboxes; their containers.
inline constexpr const char *kCriRuntime = "/runtime.v1.RuntimeService/";
grpc::Methods cri_runtime_methods(const Backend &backend);
grpc::Methods cri_sandbox_methods(const Backend &backend);
grpc::Methods cri_container_methods(const Backend &backend);

grpc::Methods cri_methods(const Backend &backend);

} // namespace ballast::api
