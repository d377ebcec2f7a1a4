// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/pods/spec.h"

namespace ballast::agent {

// What is wrong with a pod, in the API's words ("spec.containers[0].image: Required value"); empty: nothing.
std::vector<std::string> validate(const Pod &pod);

// "configMap volumes, ...": what a pod refers to that only an API server has; empty: nothing. A static pod may not.
std::string api_references(const Pod &pod);

} // namespace ballast::agent
