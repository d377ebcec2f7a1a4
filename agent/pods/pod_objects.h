// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/pods/spec.h"
#include "base/result.h"

namespace ballast::agent {

// What pods refer to and the API server has. Empty functions: there is no cluster. Called from several threads.
struct PodObjects {
    // The members of a "configMap" or a "secret". ENOENT, in kubelet's words: there is none.
    std::function<Result<TextMap>(const std::string &kind, const std::string &name_space, const std::string &name)>
        data = {};
    // For the pod's service account; fresh enough to be used now.
    std::function<Result<std::string>(const Pod &pod, const TokenFile &token)> token = {};
    // Variables that say where services are, for the pod's containers.
    std::function<std::vector<std::pair<std::string, std::string>>(const Pod &pod)> services = {};
};

} // namespace ballast::agent
