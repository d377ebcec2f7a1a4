// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "agent/api_server/json.h"
#include "agent/pods/plan.h"
#include "agent/pods/spec.h"

namespace ballast::agent {

// Whether this node can take a pod that was bound to it, beside those that it has: why not, as kubelet says it;
// nothing: it can. `node`: the Node as the API server has it; what it does not say is no reason.
std::optional<Waiting> refusal_of(const Pod &pod, const std::vector<const Pod *> &others, const Json &node);

// What this node takes from nobody: a pod of another system ("windows"), or one that sets what of the kernel is neither
// safe nor in `allowed_sysctls` (forbidden_sysctl()).
std::optional<Waiting> unfit(const Pod &pod, const Texts &allowed_sysctls);

} // namespace ballast::agent
