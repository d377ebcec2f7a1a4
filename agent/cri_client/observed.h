// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

// What the container runtime says about pods: the one truth about what runs.
namespace ballast::agent {

using Annotations = std::map<std::string, std::string>;

struct ObservedSandbox {
    std::string id = {};
    unsigned attempt = 0;
    bool ready = false;
    std::int64_t created = 0; // nanoseconds since 1970, as all times here; 0: never
    std::string address = {}; // empty: none of its own, or it is not ready
    Annotations annotations = {};
    bool operator==(const ObservedSandbox &) const = default;
};

enum class ContainerState : std::uint8_t { kCreated, kRunning, kExited, kUnknown };

struct ObservedContainer {
    std::string id = {}, name = {}, sandbox = {};
    unsigned attempt = 0;
    ContainerState state = ContainerState::kUnknown;
    std::int64_t created = 0, started = 0, finished = 0;
    int exit_code = 0;
    std::string reason = {}, message = {}; // of its end
    std::string image = {}, image_ref = {};
    std::string log_path = {};
    Annotations annotations = {};

    bool running() const { return state == ContainerState::kRunning; }
    // By what its annotations say; nothing else knows it after its pod's definition is gone.
    std::string annotation(const std::string &key) const;
    bool operator==(const ObservedContainer &) const = default;
};

struct ObservedPod {
    std::string uid = {}, name = {}, name_space = {};
    std::vector<ObservedSandbox> sandboxes = {};    // newest first
    std::vector<ObservedContainer> containers = {}; // newest first

    const ObservedSandbox *sandbox() const { return sandboxes.empty() ? nullptr : &sandboxes.front(); }
    // The newest of that name; of one sandbox, when that is given.
    const ObservedContainer *container(const std::string &name, const std::string &sandbox = "") const;
    bool anything_runs() const; // a container, or a sandbox that is ready
    bool operator==(const ObservedPod &) const = default;
};

using ObservedPods = std::map<std::string, ObservedPod>; // by UID

} // namespace ballast::agent
