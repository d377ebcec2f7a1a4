// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/api_server/json.h"
#include "agent/pods/pod_objects.h"
#include "base/result.h"

// PersistentVolumeClaims and PersistentVolumes (v1) as a node takes them. Errors are in kubelet's words, where it has
// some.
namespace ballast::agent {

// The name of the volume that a claim is bound to. EAGAIN: none yet, or the claim is on its way out. ENOTSUP: it asks
// for a block device.
Result<std::string> volume_of_claim(const Json &claim);

// What this node mounts of a volume. EAGAIN: it is another claim's. EINVAL: it is not for this node. ENOTSUP: it is
// neither "local" nor a hostPath.
Result<PersistentVolume> persistent_volume(const Json &volume, const Json &claim, const Json &node);

} // namespace ballast::agent
