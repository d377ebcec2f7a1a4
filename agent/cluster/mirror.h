// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/api_server/json.h"
#include "agent/pods/spec.h"

namespace ballast::agent {

// The pod (v1) that shows a static one to the API server, which has no part in running it. `node`: the Node, its owner.
Json mirror_of(const Pod &pod, const std::string &node_name, const Json &node);

// Whether `mirror` shows this very pod, as its manifest is now.
bool mirrors(const Pod &mirror, const Pod &pod);

} // namespace ballast::agent
