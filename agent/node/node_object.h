// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/api_server/json.h"
#include "agent/config/reservation.h"
#include "agent/config/taint.h"
#include "agent/cri_client/runtime.h"
#include "agent/node/facts.h"

// The Node object (v1) and its Lease (coordination.k8s.io/v1) as this node writes them. Pure functions.
namespace ballast::agent {

struct NodeSettings {
    std::string name = {};
    std::vector<std::string> addresses = {};
    Labels labels = {};
    std::vector<Taint> taints = {};
    std::string provider_id = {};
    bool external_cloud = false;
    std::int64_t most_pods = 110;
    Reservation reservation = {};
    int port = 0; // that `kubectl logs` and others are answered on; 0: none
};

// What the container runtime says.
struct RuntimeFacts {
    std::string version = {}; // "ballastd 0.1.0"
    std::string trouble = {}; // why it cannot run pods; empty: it can
    std::vector<Runtime::ImageOnNode> images = {};
};

struct NodeInputs {
    NodeSettings settings = {};
    NodeFacts facts = {};
    RuntimeFacts runtime = {};
};

// What of the machine is for pods, as the Node says it. Huge pages are nobody's memory.
Allocatable left_for_pods(const Reservation &reservation, const NodeFacts &facts);

// To be created where there is none.
Json new_node(const NodeInputs &inputs, std::int64_t now);
// A strategic merge patch of what somebody else's object of that name lacks: labels that are this node's to set. Null:
// nothing.
Json node_labels_patch(const NodeInputs &inputs, const Json &node);
// A strategic merge patch of status. Conditions that are as they were in `node` keep the time since when they are so.
Json node_status_patch(const NodeInputs &inputs, const Json &node, std::int64_t now);
// Does it say anything new, beside the time?
bool node_status_differs(const Json &patch, const Json &node);

// A fresh lease, or `lease` renewed. `node`: the owner; null: not known yet.
Json renewed_lease(const Json &lease, const std::string &name, const Json &node, std::int64_t now);

} // namespace ballast::agent
