// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/api_server/json.h"
#include "agent/cri_client/observed.h"

namespace ballast::agent {

// A pod of this node, for those who ask it: an object of the API (v1) with its status as it is now, and what the
// runtime said of it last.
struct ShownPod {
    Json object = {};
    ObservedPod observed = {};
};

} // namespace ballast::agent
