// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/pods/environment.h"
#include "agent/pods/pod_objects.h"
#include "agent/pods/spec.h"
#include "agent/volumes/pod_directory.h"
#include "base/result.h"

namespace ballast::agent {

// What volumes are made from, beside the pod itself.
struct VolumeMeans {
    Surroundings surroundings = {};
    PodObjects objects = {};
};

// Makes every volume of a pod in its directory, or checks what of it is there already: it may be called again at any
// time. Errors begin with the volume's name. ENOTSUP: a kind of volume that cannot be had here.
Status make_volumes(const Pod &pod, const PodDirectory &directory, const VolumeMeans &means = {});

// Whether it has volumes whose files change while it runs.
bool has_files(const Pod &pod);
// Makes these hold what they should now, those that are there.
Status refresh_volumes(const Pod &pod, const PodDirectory &directory, const VolumeMeans &means);

// Where a mount of a container finds its volume on this machine. `number`: of the mount, in its container. Parts of
// volumes are mounted in the pod's directory. `sub_path`: with its variables expanded.
Result<std::string> mount_source(const Pod &pod, const PodDirectory &directory, const std::string &container,
                                 const VolumeMount &mount, std::size_t number, const std::string &sub_path);

} // namespace ballast::agent
