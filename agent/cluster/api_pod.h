// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/api_server/json.h"
#include "agent/pods/plan.h"
#include "agent/pods/spec.h"
#include "base/result.h"

namespace ballast::agent {

// A pod that the API server has bound to this node.
struct ApiPod {
    Pod pod = {};
    std::string definition = {};            // the object without its status, as JSON
    Json status = {};                       // as the API server has it
    bool mirror = false;                    // shows a static pod, and is not run
    bool ended = false;                     // it has succeeded or failed
    bool deleted = false;                   // to be ended and removed
    std::optional<std::int64_t> grace = {}; // seconds, when it is deleted
    std::optional<Waiting> refusal = {};    // why it cannot be run here at all
};

// From an object of the API. Whatever it says, it has a name, a namespace and a UID; EINVAL without.
Result<ApiPod> read_api_pod(Json object);

} // namespace ballast::agent
