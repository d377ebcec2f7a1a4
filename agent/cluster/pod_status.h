// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/api_server/json.h"
#include "agent/pods/plan.h"
#include "agent/pods/spec.h"
#include "agent/pods/state_machine.h"

// What the API server is told of a pod: PodStatus (v1), as kubelet words it. Pure functions.
namespace ballast::agent {

// What a pod's status is made from.
struct StatusInputs {
    const Pod &pod;
    const ObservedPod &observed;
    const Judgement &judgement;
    const std::map<std::string, Waiting> &waiting; // containers that do not run though they should
    PodState state = PodState::kStarting;
    std::optional<Waiting> failure = {}; // why it was ended though it was wanted
    std::string node_address = {};
    std::string runtime = {}; // "ballastd": in containers' IDs
    // What an ended container left to be said.
    std::function<std::string(const ObservedContainer &)> last_words = {};
};

// `before`: the status as it was told last, or as the API server has it; times since when something is so are kept.
Json pod_status(const StatusInputs &inputs, const Json &before, std::int64_t now);

// Of a pod that this node does not take.
Json rejected_status(const Waiting &why, const Json &before, std::int64_t now);

// A strategic merge patch that makes `status` the pod's, of that UID and no other of its name.
Json status_patch(const std::string &uid, Json status);

// Whether the condition of that type stands differently in both.
bool condition_differs(const Json &status, const Json &other, const std::string &type);

} // namespace ballast::agent
