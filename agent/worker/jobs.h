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
// the sandbox. A job that is told to stop waits for no hook any more.
JobResult stop_pod(const World &world, const Job &job, std::optional<std::int64_t> grace = {});
// The same containers have this many seconds left, and no hooks: beside stop_pod(), whose job has been told to stop.
void hurry_pod(const World &world, const Job &job, std::int64_t grace);
// Removes what a pod leaves: sandboxes with their containers, its files, its slice.
JobResult clean_pod(const World &world, const Job &job);

// Parts. One container with its preStop hook; `grace` counts for both.
Status stop_container(const World &world, const Pod &pod, const ObservedPod &observed,
                      const ObservedContainer &container, std::chrono::seconds grace, const std::string &reason,
                      const std::stop_token &stop = {});
// Why it does not run, or nothing. `sandbox_config`: as it was made.
std::optional<Waiting> start_container(const World &world, const Job &job, const Container &container,
                                       const std::string &sandbox, const std::string &address,
                                       const ::runtime::v1::PodSandboxConfig &sandbox_config);

// Of each name the last container that ended is kept, and what runs; what is older is garbage, and old sandboxes that
// hold nothing else.
struct Garbage {
    std::vector<ObservedContainer> containers = {};
    std::vector<std::string> sandboxes = {};
    bool empty() const { return containers.empty() && sandboxes.empty(); }
};
Garbage garbage_of(const ObservedPod &observed);
// With logs and the links to them. Everything is tried; the first error.
Status remove_garbage(const World &world, const Pod &pod, const Garbage &garbage);

// Of the link to its log.
std::string link_name(const Pod &pod, const ObservedContainer &container);

} // namespace ballast::agent
