// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/pods/spec.h"
#include "base/result.h"

namespace ballast::agent {

// That what stands at a hostPath volume's path is of the type that is asked for; DirectoryOrCreate and FileOrCreate
// make it (0755, 0644) when nothing stands there. In kubelet's words otherwise: "hostPath type check failed: ...".
Status check_host_path(const HostPath &volume);

} // namespace ballast::agent
