// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/api_server/json.h"
#include "agent/cri_client/usage.h"
#include "agent/node/usage.h"

// What this node and its pods use, as kubelet tells it. Pure functions.
namespace ballast::agent {

struct UsageInputs {
    std::string node_name = {};
    NodeUsage node = {};
    std::vector<PodUsage> pods = {};
    std::vector<Json> objects = {}; // the pods of this node, with their status: since when things run
    bool incomplete = false;        // somebody did not answer
};

// /metrics: of the agent itself. `pods`: as above.
std::string own_metrics(const std::string &node_name, const std::vector<Json> &pods);
// /metrics/resource, in the text format of Prometheus.
std::string resource_metrics(const UsageInputs &inputs);
// /stats/summary: Summary (stats/v1alpha1). `only_cpu_and_memory`: nothing else.
Json stats_summary(const UsageInputs &inputs, bool only_cpu_and_memory);

} // namespace ballast::agent
