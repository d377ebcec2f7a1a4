// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "agent/config/flags.h"
#include "agent/cri_client/runtime.h"
#include "agent/pods/environment.h"
#include "agent/pods/pod_objects.h"
#include "agent/pods/quality.h"
#include "agent/worker/images.h"
#include "base/http/client.h"

namespace ballast::agent {

// Something that happened to a pod, as Kubernetes' events say it.
struct Note {
    bool warning = false;
    std::string reason = {};  // "Started"
    std::string message = {}; // for people
};

// What is done to a slice before something is put into it; without systemd nothing.
using MakeSlice = std::function<Status(const std::string &name, const SliceLimits &limits)>;
using DropSlice = std::function<Status(const std::string &name)>;

// What everybody who carries out a plan stands on. Outlives all of them; several threads use it at once.
struct World {
    const Options &options;
    Runtime &runtime;
    Images &images;
    http::Client &http;
    Kernel kernel = {};
    std::string node_address = {};
    Quantity node_cpu = {}, node_memory = {}; // what there is for pods
    SliceLimits pods_together = {};           // what they are held to
    MakeSlice make_slice = {};
    DropSlice drop_slice = {};
    PodObjects objects = {}; // of the cluster; empty: there is none
    // Called from any thread.
    std::function<void(const Pod &pod, const Note &note)> note;
    // The same of what happened to the node.
    std::function<void(const Note &note)> note_node;
    // A failure is tried again after this.
    std::chrono::nanoseconds retry = std::chrono::seconds(10);

    Surroundings surroundings(std::string pod_address = "") const {
        return {.node_name = options.node_name,
                .node_address = node_address,
                .pod_address = std::move(pod_address),
                .node_cpu = node_cpu,
                .node_memory = node_memory};
    }
};

} // namespace ballast::agent
