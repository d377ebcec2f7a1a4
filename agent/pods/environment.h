// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/pods/pod_objects.h"
#include "agent/pods/spec.h"
#include "base/result.h"

// The environment of a container, and what refers to it.
namespace ballast::agent {

// What a pod's downward API knows of its surroundings.
struct Surroundings {
    std::string node_name = {};
    std::string node_address = {};
    std::string pod_address = {};             // empty: not known yet
    Quantity node_cpu = {}, node_memory = {}; // allocatable: what stands for limits that are not set
};

using Variables = std::vector<std::pair<std::string, std::string>>;

// `$(NAME)` becomes that variable's value, `$$` a `$`; names that are not there stay as they are written.
std::string expanded(std::string_view text, const Variables &variables);

// In the order of the definition, each once; behind those of services. EINVAL: a field that there is none of; ENOENT:
// what it refers to is not there; ENOTSUP: only an API server has it.
Result<Variables> environment_of(const Pod &pod, const Container &container, const Surroundings &surroundings,
                                 const PodObjects &objects = {});

// "metadata.labels['app']", "status.podIP".
Result<std::string> field_value(const Pod &pod, const std::string &path, const Surroundings &surroundings);
// The same for a file, which may hold all labels or annotations: "metadata.labels", a line each.
Result<std::string> field_text(const Pod &pod, const std::string &path, const Surroundings &surroundings);
// "limits.cpu" of a container; `own`: the one that is meant where none is named.
Result<std::string> resource_value(const Pod &pod, const Container *own, const ResourceRef &reference,
                                   const Surroundings &surroundings);

} // namespace ballast::agent
