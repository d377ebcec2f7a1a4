// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "agent/pods/environment.h"
#include "agent/pods/quality.h"
#include "agent/pods/security_config.h"
#include "agent/pods/spec.h"

namespace runtime::v1 {
class ContainerConfig;
} // namespace runtime::v1

namespace ballast::agent {

// Something of the host in a container.
struct HostMount {
    std::string source = {}, target = {};
    bool read_only = false, recursive_read_only = false;
    std::string propagation = "None";
};

struct ContainerInputs {
    unsigned attempt = 0;   // which start of this container it is, from 0
    std::string image = {}; // what the runtime calls the image
    ImageUser image_user = {};
    std::string target = {}; // ID of the container whose processes it sees; empty: nobody's
    Variables environment = {};
    std::vector<HostMount> mounts = {};
    Kernel kernel = {};
    std::chrono::nanoseconds restart_wait{0}; // kept in its annotations; 0: none
};
// EPERM, EINVAL as write_security(). `pre_stop` of the container stands in its annotations, for whoever stops it after
// its definition is gone.
Result<::runtime::v1::ContainerConfig> container_config(const Pod &pod, const Container &container,
                                                        const ContainerInputs &inputs);

// An action as JSON, as the API writes it; what read_action() reads.
std::string action_json(const Action &action);

} // namespace ballast::agent
