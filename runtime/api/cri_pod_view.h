// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>

#include "runtime/engine/model.h"
#include "runtime/engine/pods.h"

namespace ballast::api {

// Sandboxes as Kubernetes' container runtime interface shows them. `ready`: as Pods::ready() says.
::runtime::v1::PodSandbox cri_sandbox(const engine::Snapshot &sandbox, bool ready);
::runtime::v1::PodSandboxStatus cri_sandbox_status(const engine::Snapshot &sandbox, bool ready);

// What `crictl inspect` and `inspectp` show as "info", with the names of other runtimes: "pid", "sandboxID", and from its
// first start on "runtimeSpec".
std::string cri_process_info(const engine::Snapshot &any, const std::string &sandbox, const engine::Pods &pods);

std::int64_t cri_time(engine::Time time); // nanoseconds since 1970; kNever is 0

} // namespace ballast::api
