// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/pods/spec.h"
#include "base/result.h"

namespace ballast::agent {

// What a claim is bound to: a directory of this machine, one of its own ("local") or a hostPath.
struct PersistentVolume {
    bool local = false; // it becomes the pod's group's
    HostPath place = {};
};

// What pods refer to and the API server has. Empty functions: there is no cluster. Called from several threads.
struct PodObjects {
    // The members of a "configMap" or a "secret". ENOENT, in kubelet's words: there is none.
    std::function<Result<TextMap>(const std::string &kind, const std::string &name_space, const std::string &name)>
        data = {};
    // For the pod's service account; fresh enough to be used now.
    std::function<Result<std::string>(const Pod &pod, const TokenFile &token)> token = {};
    // What a claim in the pod's namespace is bound to. Errors in kubelet's words, where it has some.
    std::function<Result<PersistentVolume>(const Pod &pod, const std::string &claim)> volume = {};
    // Variables that say where services are, for the pod's containers.
    std::function<std::vector<std::pair<std::string, std::string>>(const Pod &pod)> services = {};
};

} // namespace ballast::agent
