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

grpc::Methods cri_event_methods(const Backend &backend);
grpc::Methods cri_stats_methods(const Backend &backend); // what they use, and the same as metrics

// Exec, attach and port-forward: by URLs that `streams` gives out, which outlives the methods.
class CriStreams;
grpc::Methods cri_stream_methods(const Backend &backend, CriStreams &streams);

grpc::Methods cri_methods(const Backend &backend, CriStreams &streams);

} // namespace ballast::api
