// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/cri_client/observed.h"
#include "agent/pods/back_off.h"
#include "agent/pods/spec.h"

// What is to be done next for a pod that should run: a pure function of its definition, what the runtime says and what
// is known besides. As kubelet decides it.
namespace ballast::agent {

// What the runtime cannot say of a pod's containers, by their IDs; nothing of it outlives the agent.
struct Judgement {
    std::set<std::string> unwell = {};  // a liveness or startup probe has failed: to be stopped and started again
    std::set<std::string> started = {}; // their startup probe has succeeded; without one they are started as they run
    std::set<std::string> ready = {};   // their readiness probe succeeds
};

struct Stop {
    std::string id = {}, name = {};
    std::string reason = {};                // for people
    std::optional<std::int64_t> grace = {}; // seconds, in place of the pod's
    bool operator==(const Stop &) const = default;
};

// Why a container does not run though it should, as kubectl prints it.
struct Waiting {
    std::string reason = {}, message = {};
    bool operator==(const Waiting &) const = default;
};

struct Plan {
    bool new_sandbox = false; // after what is left of the last one was stopped
    unsigned sandbox_attempt = 0;
    std::vector<Stop> stop = {};
    std::vector<std::string> start = {}; // containers in the order in which they are to be started
    std::map<std::string, Waiting> waiting = {};
    std::map<std::string, BackOff::Time> waits = {}; // of those that are started: what the next restart waits
    bool all_started = false;
    bool finished = false;
    // When to look again, if nothing happens before: the end of a wait.
    std::optional<BackOff::Time> again = {};

    bool nothing_to_do() const { return !new_sandbox && stop.empty() && start.empty(); }
};

Plan plan_pod(const Pod &pod, const ObservedPod &observed, const Judgement &judgement, const BackOff &back_off,
              BackOff::Time now);

// Names waits of containers: the key in the pods' BackOff. A container whose definition has changed has none yet.
std::string back_off_key(const Pod &pod, const std::string &container);

} // namespace ballast::agent
