// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <runtime/v1/api.pb.h>

#include "runtime/engine/usage.h"

namespace ballast::api {

// What containers and pods use, as Kubernetes' container runtime interface shows it. What is not known is absent: of
// containers that do not run all but their layer, and everything of cgroups where there are none. `data_root`: what
// writable layers are on.
::runtime::v1::ContainerStats cri_container_stats(const engine::ContainerUsage &usage,
                                                  const std::filesystem::path &data_root);
::runtime::v1::PodSandboxStats cri_pod_stats(const engine::PodUsage &usage, const std::filesystem::path &data_root);

// Of a cgroup, in bytes: what the kernel could not take away without harm.
std::uint64_t working_set(const isolate::Statistics &numbers);

} // namespace ballast::api
