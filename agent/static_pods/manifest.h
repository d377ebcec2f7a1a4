// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/pods/spec.h"
#include "base/result.h"

namespace ballast::agent {

// A static pod from its manifest, YAML or JSON. As kubelet has it: its name gets the node's behind it, its namespace is
// "default" unless it says another, its UID is a hash of what it says, of the node and of the file, so that any change
// makes another pod of it; annotations say where it comes from. EINVAL "FILE: ..." for what is no pod or makes no
// sense.
Result<Pod> read_manifest(const std::string &text, const std::string &file, const std::string &node_name);

} // namespace ballast::agent
