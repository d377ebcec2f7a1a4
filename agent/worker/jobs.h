// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/pods/plan.h"
#include "agent/worker/world.h"

// What is done to one pod in the background: one job at a time.
namespace ballast::agent {

struct Job {
    std::shared_ptr<const Pod> pod = {};
    ObservedPod observed = {};
    Plan plan = {};
    std::stop_token stop = {}; // the pod is to end instead
};

struct JobResult {
    std::map<std::string, Waiting> waiting = {}; // containers that could not be started
    std::optional<Waiting> sandbox = {};         // why there is none
    bool failed = false;                         // to be tried again, later
};

// Stops, makes and starts what the plan says.
JobResult sync_pod(const World &world, const Job &job);
// Stops every container, with its hooks and its grace (`grace` in seconds, in place of the pod's), sidecars last; then
// the sandbox.
JobResult stop_pod(const World &world, const Job &job, std::optional<std::int64_t> grace = {});
// Removes what a pod leaves: sandboxes with their containers, its files, its slice.
JobResult clean_pod(const World &world, const Job &job);

// Parts. One container with its preStop hook; `grace` counts for both.
Status stop_container(const World &world, const Pod &pod, const ObservedPod &observed,
                      const ObservedContainer &container, std::chrono::seconds grace, const std::string &reason);
// Why it does not run, or nothing. `sandbox_config`: as it was made.
std::optional<Waiting> start_container(const World &world, const Job &job, const Container &container,
                                       const std::string &sandbox, const std::string &address,
                                       const ::runtime::v1::PodSandboxConfig &sandbox_config);

// Containers that ended and are not the newest of their name; sandboxes that hold none of those. Old ones of both.
struct Garbage {
    std::vector<std::string> containers = {}, sandboxes = {};
};
Garbage garbage_of(const ObservedPod &observed);

} // namespace ballast::agent
