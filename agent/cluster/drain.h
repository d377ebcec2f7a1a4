// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "agent/api_server/api_server.h"
#include "base/result.h"

namespace ballast::agent {

struct DrainTimes {
    std::chrono::milliseconds look = std::chrono::seconds(1);  // at what is left
    std::chrono::milliseconds retry = std::chrono::seconds(5); // of an eviction that a budget did not let through
};

// Nothing new comes to the node (cordon), and its pods are evicted, as by `kubectl drain`: a PodDisruptionBudget that
// says no is asked again. Returns when they are gone. What stays: pods of DaemonSets, of manifests, what is over, and
// pods that nobody would make anew elsewhere. The node stays closed, whatever comes of it.
//   ETIMEDOUT  which pods are still here after that time, and why
//   ECANCELED  `stop` was asked for
// and those of ApiServer, of the node itself.
Status drain_node(ApiServer &server, const std::string &node, std::chrono::milliseconds time, DrainTimes times,
                  const std::stop_token &stop);

// Pods may come again.
Status uncordon_node(ApiServer &server, const std::string &node, const std::stop_token &stop);

} // namespace ballast::agent
