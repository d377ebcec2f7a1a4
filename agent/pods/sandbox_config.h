// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/pods/spec.h"
#include "base/result.h"

namespace runtime::v1 {
class PodSandboxConfig;
} // namespace runtime::v1

// What the container runtime is told to make, from a pod's definition.
namespace ballast::agent {

struct SandboxInputs {
    unsigned attempt = 0;
    std::string hostname = {};
    DnsConfig dns = {};
    std::string log_directory = {}; // "/var/log/pods/NAMESPACE_NAME_UID"
    std::string cgroup_parent = {}; // empty: the runtime's own
};
Result<::runtime::v1::PodSandboxConfig> sandbox_config(const Pod &pod, const SandboxInputs &inputs);

// "NAMESPACE_NAME_UID"
std::string log_directory_name(const Pod &pod);

} // namespace ballast::agent
